import type { Random } from '../random.ts'
import type { Week } from '../week/week.ts'
import { AGENTS, type Agent } from '../world/agents.ts'
import { activity, localTime } from '../world/calendar.ts'
import type { Cast, Casts, Deed } from './cast.ts'
import { converse, type Script } from './converse.ts'

export const HOUR_MS = 3_600_000

/** How an ordinary action is ruled on; the rest is allowed. */
const SHARES = { held: 0.0122, unclear: 0.0045, denied: 0.0012, observed: 0.05 } as const

/**
 * The week as it is when nothing is wrong: every hour each agent says as many spans as its share of the week comes to.
 * Yields when an hour is over: nothing before that comes any more.
 */
export function* ordinaryTraffic(
  week: Week,
  casts: Casts,
  spansSoFar: () => number,
): Generator<{ untilMs: number }> {
  const total = AGENTS.reduce((sum, agent) => sum + weightOf(week, agent), 0)
  const random = new Map(AGENTS.map((agent) => [agent, week.random(`traffic of ${agent.id}`)]))
  const owed = new Map<Agent, number>()
  for (let hourMs = week.fromMs; hourMs < week.untilMs; hourMs += HOUR_MS) {
    for (const agent of AGENTS) {
      const share = (agent.weight * activityAt(agent, hourMs)) / total
      let left = (owed.get(agent) ?? 0) + share * week.options.spans
      while (left > 0) {
        const before = spansSoFar()
        converseOnce(week, casts, agent, hourMs, random.get(agent) as Random)
        // What does not end within the week is not said, and must not be waited for.
        left -= Math.max(1, spansSoFar() - before)
      }
      owed.set(agent, left)
    }
    yield { untilMs: Math.min(hourMs + HOUR_MS, week.untilMs) }
  }
}

const activityAt = ({ shift, zone }: Agent, hourMs: number): number =>
  activity(shift, localTime(zone, hourMs + HOUR_MS / 2))

function weightOf({ fromMs, untilMs }: Week, agent: Agent): number {
  let sum = 0
  for (let hourMs = fromMs; hourMs < untilMs; hourMs += HOUR_MS)
    sum += agent.weight * activityAt(agent, hourMs)
  return sum
}

function converseOnce(week: Week, casts: Casts, agent: Agent, hourMs: number, random: Random): void {
  const startMs = hourMs + random.between(0, Math.min(HOUR_MS, week.untilMs - hourMs))
  const cast = casts.of(agent, week.policyAt(startMs))
  converse({ week, casts }, agent, startMs, scriptOf(cast, startMs, random), random)
}

const LENGTHS = [1, 2, 3, 4]
const OFTEN = [30, 36, 22, 12]

function scriptOf(cast: Cast, startMs: number, random: Random): Script {
  const { hour } = localTime(cast.agent.zone, startMs)
  // At night there is hardly anybody to ask, and whoever is still there knows that.
  const mayAsk = cast.agent.shift === 'always' || (hour >= 7 && hour < 19)
  const deeds = Array.from({ length: random.weighted(LENGTHS, OFTEN) }, () => drawDeed(cast, mayAsk, random))
  return { deeds }
}

function drawDeed(cast: Cast, mayAsk: boolean, random: Random): Script['deeds'][number] {
  let left = random.real()
  for (const [course, share] of Object.entries(SHARES) as [keyof typeof SHARES, number][]) {
    left -= share
    if (left >= 0) continue
    const deed = course === 'held' && !mayAsk ? undefined : cast.draw(course, random)
    if (deed) return { deed, isHeld: course === 'held' }
    break
  }
  return { deed: cast.draw('allowed', random) as Deed, isHeld: false }
}
