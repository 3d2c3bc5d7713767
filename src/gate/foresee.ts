import type { Core } from './core.ts'
import { isFree, rule } from './rule.ts'
import type { Foreseen, GateAttempt } from './types.ts'

/**
 * What would become of an action now. Its arguments may have getters: they are read where a condition of the policy looks
 * at them, and not before. Never throws: what cannot be read would be held.
 */
export function foresee(attempt: GateAttempt, { deps }: Core): Foreseen {
  try {
    const authority = deps.session.authority()
    if (authority === undefined || deps.freeze.get() !== undefined) return 'unknown'
    const ruling = rule(attempt, attempt.arguments as never, authority)
    if (ruling.effect === 'allow') return 'allow'
    return isFree(ruling) ? 'observe' : ruling.effect
  } catch {
    return 'hold'
  }
}
