import { GEN_AI } from '#contract'
import { answer, ordinaryAnswers } from '../requests/answers.ts'
import { lapse, openRequest } from '../requests/life.ts'
import { KIND, type SpanId, type SpanText, type TraceId } from '../spans/span.ts'
import { SCOPE, serviceOfAgent } from '../world/services.ts'
import type { Deed } from './cast.ts'
import type { Run } from './converse.ts'
import { type Course, decide, execute, type Held } from './held.ts'
import { heldText } from './held-text.ts'
import type { Recorded } from './judgement.ts'
import { sent } from './sent.ts'

/** So many approvals are never come back for. */
const FORGOTTEN = 0.08

/** Asks and goes: no process waits. What comes of it runs, or does not, in another trace that links back to this one. */
export function askOnly(run: Run, parent: SpanId, startUs: number, deed: Deed, course?: Course): Held {
  const { week, agent, user, random, trace } = run
  const { policy } = run.castAt(startUs)
  const { call, variant } = deed
  const span: SpanId = [random.u32(), random.u32()]
  const atMs = Math.ceil(startUs / 1000) + random.between(4, 18)
  const ruling = policy.ruleOn(agent, call, variant)
  const requested = openRequest({ agent, call, variant, ruling, user, atMs, trace, span }, random)
  const answers = course?.answers ?? ordinaryAnswers(requested, random)
  const answered = answer(requested, answers, policy, random)
  const decided = decide(requested, answered, course ?? { answers }, random)
  const reviews = answered.reviews.filter(({ at }) => at < decided.at)
  const recorded: Recorded = { requested, reviews, decided }
  week.ledger.add(requested, ...reviews, decided)
  week.requests.push(recorded)

  const text: SpanText = {
    service: serviceOfAgent(agent),
    scope: SCOPE.holdpoint,
    name: `request_approval ${call.name}`,
    kind: KIND.internal,
    attributes: { [GEN_AI.toolName]: call.name, [GEN_AI.agentId]: agent.id },
  }
  const endUs = atMs * 1000 + random.between(2_000, 20_000)
  week.sink.add(text, { trace, id: span, parent, startUs, durationUs: endUs - startUs })
  const held = { ...recorded, deed, span, text, startUs, endUs }
  if (decided.decision !== 'approved' || !random.chance(FORGOTTEN))
    return { ...held, ...resume(run, deed, recorded, span) }
  recorded.spent = lapse(requested, decided.at)
  week.ledger.add(recorded.spent)
  return { ...held, spent: recorded.spent }
}

/** The job looks again, minutes after people have answered. */
function resume(run: Run, deed: Deed, recorded: Recorded, asked: SpanId): Partial<Held> {
  const { week, random } = run
  const trace: TraceId = [random.u32(), random.u32(), random.u32(), random.u32()]
  const root: SpanId = [random.u32(), random.u32()]
  const span: SpanId = [random.u32(), random.u32()]
  const beganUs = ((recorded.decided?.at ?? 0) + random.between(4_000, 240_000)) * 1000
  const startUs = beganUs + random.between(2_000, 30_000)
  const heardUs = startUs + random.between(3_000, 20_000)
  const isApproved = recorded.decided?.decision === 'approved'
  const endUs = isApproved
    ? execute({ ...run, trace }, span, heardUs, deed, recorded)
    : heardUs + random.between(200, 900)
  const honest = heldText(run, deed, recorded, undefined)
  const text = { ...honest, link: { trace: run.trace, span: asked } }
  week.sink.add(
    text,
    sent({ trace, id: span, parent: root, startUs, durationUs: endUs - startUs }, random, text),
  )
  const { entry } = run.castAt(beganUs).runTexts(undefined)
  week.sink.add(entry, {
    trace,
    id: root,
    startUs: beganUs,
    durationUs: endUs - beganUs + random.between(500, 4_000),
  })
  return recorded
}
