import { HoldpointError } from '#contract'
import type { Guard } from '../../support/guards.ts'
import type { Scenes } from './scenes.ts'

export type EnforcementPoint =
  | 'in-process gate'
  | 'resource'
  | 'broker'
  | 'NATS'
  | 'channel'
  | 'console'
  | 'REST'
  | 'card'

/** One way in, at one place, and the one check that stands in it. */
export interface Attack {
  name: string
  /** The line of the threat table, or the precedent. */
  threat: string
  enforcementPoint: EnforcementPoint
  guard: Guard
  /** Resolves to what the attacker achieved; undefined where they were refused as they should be. */
  run(scenes: Scenes): Promise<string | undefined>
}

/** A guard in one line of `file`. */
export const guardIn =
  (file: string) =>
  (name: string, about: string, find: string, replace = '', and?: Guard['and']): Guard => ({
    name,
    about,
    file,
    find,
    replace,
    ...(and ? { and } : {}),
  })

/** Undefined where the promise rejects with one of these codes. Another refusal did not come from the guard. */
export async function refusedWith(
  attempt: Promise<unknown>,
  ...codes: string[]
): Promise<string | undefined> {
  try {
    return `it was let through: ${JSON.stringify(await attempt)?.slice(0, 200)}`
  } catch (error) {
    const code = error instanceof HoldpointError ? error.code : String(error)
    return codes.includes(code) ? undefined : `it was refused with ${code}, expected ${codes.join(' or ')}`
  }
}
