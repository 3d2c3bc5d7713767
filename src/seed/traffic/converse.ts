import type { Random } from '../random.ts'
import type { SpanId, TraceId } from '../spans/span.ts'
import type { Week } from '../week/week.ts'
import type { Agent } from '../world/agents.ts'
import type { Person } from '../world/people.ts'
import type { Cast, Casts, Deed } from './cast.ts'
import { askOnly } from './detached.ts'
import { runSteps } from './effects.ts'
import { type Course, type Held, hold } from './held.ts'
import { sent } from './sent.ts'

/** One turn of an agent: a trace of its own. */
export interface Run {
  week: Week
  agent: Agent
  /** Under the policy of that time: it may change while people are asked. */
  castAt(us: number): Cast
  user: Person | undefined
  trace: TraceId
  process: string
  random: Random
}

/** What happens in it, one after the other. */
export interface Script {
  deeds: readonly { deed: Deed; isHeld: boolean; course?: Course }[]
  /** What else is done below the turn, before it ends; returns when that has ended, microseconds. */
  after?(run: Run, turn: SpanId, atUs: number, held: readonly Held[]): number
}

export interface Conversation {
  run: Run
  /** Of the span of the run itself. */
  id: SpanId
  held: Held[]
  endUs: number
}

const FAILS = 0.012

/** A person asks, the model thinks, calls, thinks again, and answers. */
export function converse(
  { week, casts }: { week: Week; casts: Casts },
  agent: Agent,
  startMs: number,
  { deeds, after }: Script,
  random: Random,
): Conversation {
  const id = (): SpanId => [random.u32(), random.u32()]
  const castAt = (us: number): Cast => casts.of(agent, week.policyAt(Math.floor(us / 1000)))
  const cast = castAt(startMs * 1000)
  const run: Run = {
    week,
    agent,
    castAt,
    user: random.pick(cast.users),
    trace: [random.u32(), random.u32(), random.u32(), random.u32()],
    process: `${agent.id}-${random.u32().toString(36)}`,
    random,
  }
  const { trace } = run
  const { sink } = week
  const entry = id()
  const turn = id()
  const held: Held[] = []
  const startUs = Math.round(startMs * 1000) + random.between(0, 1000)
  const texts = cast.runTexts(run.user)
  const runUs = startUs + random.between(300, 2_500)

  function think(atUs: number, isLast: boolean): number {
    const { chat, post } = random.pick(cast.modelTexts(isLast))
    const span = id()
    const durationUs = Math.round(random.around(isLast ? 2_600_000 : 1_400_000))
    sink.add(chat, { trace, id: span, parent: turn, startUs: atUs, durationUs })
    const lead = random.between(400, 2_000)
    sink.add(post, { trace, id: id(), parent: span, startUs: atUs + lead, durationUs: durationUs - 2 * lead })
    return atUs + durationUs + random.between(300, 4_000)
  }

  function act(atUs: number, deed: Deed): number {
    const isFailing = random.chance(FAILS)
    const text = castAt(atUs).unaskedText(deed, run.user, isFailing)
    const hasRun = text.attributes['holdpoint.outcome'] !== 'not_run'
    const span = id()
    const durationUs = hasRun ? Math.round(random.around(deed.call.medianMs * 1000)) : random.between(80, 300)
    if (hasRun && !isFailing)
      runSteps(cast.steps(deed.call), { trace, parent: span, startUs: atUs, durationUs }, random, sink)
    const digest = Array.from({ length: 8 }, random.u32)
    sink.add(text, sent({ trace, id: span, parent: turn, startUs: atUs, durationUs, digest }, random, text))
    return atUs + durationUs + random.between(300, 4_000)
  }

  let atUs = runUs + random.between(500, 4_000)
  for (const { deed, isHeld, course } of deeds) {
    atUs = think(atUs, false)
    if (isHeld) {
      const one = (agent.isDetached ? askOnly : hold)(run, turn, atUs, deed, course)
      held.push(one)
      atUs = one.endUs + random.between(300, 4_000)
    } else atUs = act(atUs, deed)
  }
  atUs = after?.(run, turn, atUs, held) ?? atUs
  atUs = think(atUs, true)
  sink.add(texts.run, { trace, id: turn, parent: entry, startUs: runUs, durationUs: atUs - runUs })
  const endUs = atUs + random.between(300, 2_500)
  sink.add(texts.entry, { trace, id: entry, startUs, durationUs: endUs - startUs })
  return { run, id: turn, held, endUs }
}
