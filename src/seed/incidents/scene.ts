import { principalId } from '#contract'
import type { Incident } from '../options.ts'
import type { Random } from '../random.ts'
import type { Answer } from '../requests/answers.ts'
import { hexOf } from '../spans/span.ts'
import type { Casts, Deed } from '../traffic/cast.ts'
import type { Conversation, Script } from '../traffic/converse.ts'
import { converse } from '../traffic/converse.ts'
import type { Week } from '../week/week.ts'
import { agentOf } from '../world/agents.ts'
import { localTime, nextLocal } from '../world/calendar.ts'
import { type Person, personOf, type Zone } from '../world/people.ts'
import type { Planted } from './planted.ts'

/** Where incidents are planted, each with random numbers of its own. */
export interface Scene {
  week: Week
  random: Random
  /** One turn of this agent. */
  converse(agentId: string, startMs: number, script: Script): Conversation
  /** So many working days before the week ends, at this local time; 0 is the last whole one. */
  workday(zone: Zone, daysBefore: number, hour: number, minute: number): number
}

export function createScene(week: Week, casts: Casts, incident: Incident): Scene {
  const random = week.random(`incident ${incident}`)
  return {
    week,
    random,
    converse: (agentId, startMs, script) =>
      converse({ week, casts }, agentOf(agentId), startMs, script, random),
    workday(zone, daysBefore, hour, minute) {
      const days = Array.from({ length: 7 }, (_, day) =>
        nextLocal(zone, week.fromMs + day * DAY_MS, hour, minute),
      )
      const working = days.filter((at) => {
        const { weekday } = localTime(zone, at)
        return (
          weekday !== 0 && weekday !== 6 && at > week.fromMs + MARGIN_MS && at < week.untilMs - DAY_MS / 2
        )
      })
      return working.at(-1 - daysBefore) ?? (working[0] as number)
    },
  }
}

const DAY_MS = 86_400_000
const MARGIN_MS = 3_600_000

/** One of the calls of an agent. */
export function deedOf(agentId: string, name: string, variant = 0): Deed {
  const { calls } = agentOf(agentId)
  const call = calls.findLast((one) => one.name === name)
  const given = call?.variants[variant]
  if (call === undefined || given === undefined) throw new RangeError(`${agentId} has no call ${name}`)
  return { call, variant: given }
}

export const answerOf = (sub: string, afterMs: number, verdict: Answer['verdict'] = 'approve'): Answer => ({
  person: personOf(sub),
  afterMs,
  verdict,
})

/** What the conversations tell of it; what an incident knows better stands beside it. */
export const plantedIn = (
  incident: Incident,
  what: string,
  talks: readonly Conversation[],
  more: Partial<Planted>,
): Planted => {
  const held = talks.flatMap((talk) => talk.held)
  return {
    incident,
    fromMs: Math.min(...held.map(({ requested }) => requested.at)),
    toMs: Math.max(...talks.map(({ endUs }) => Math.ceil(endUs / 1000))),
    what,
    agents: [...new Set(talks.map(({ run }) => run.agent.id))],
    people: [],
    traceIds: talks.map(({ run }) => hexOf(run.trace)),
    spanIds: held.map(({ span }) => hexOf(span)),
    requestIds: held.map(({ requested }) => requested.requestId),
    ...more,
  }
}

export const idOf = (sub: string): string => principalId(personOf(sub) satisfies Person)
