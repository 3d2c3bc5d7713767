import type { Gate, GateAttempt } from '#gate'

/** What the gate would do with an action at once: run it, ask (people, or first of all the broker), or refuse it. */
export type Foreseen = 'run' | 'ask' | 'refuse'

const foresee = (gate: Gate, attempt: GateAttempt): Foreseen => MEANS[gate.foresee(attempt)]

const MEANS = { allow: 'run', observe: 'run', hold: 'ask', unknown: 'ask', deny: 'refuse' } as const

/**
 * One action under several names, `DROP TABLE public.users` and `DROP users`: what policy says of any of them counts
 * for it, and the strictest word of all. With a doubt, people are asked about what would run. Returns the attempt, by the
 * name that it was said of.
 */
export function strictest(
  gate: Gate,
  [first, ...others]: readonly [GateAttempt, ...GateAttempt[]],
  doubt?: string,
): { attempt: GateAttempt; foreseen: Foreseen } {
  let found = { attempt: first, foreseen: foresee(gate, first) }
  for (const attempt of others) {
    if (found.foreseen === 'refuse') break
    const foreseen = foresee(gate, attempt)
    if (foreseen === 'refuse' || (foreseen === 'ask' && found.foreseen === 'run'))
      found = { attempt, foreseen }
  }
  if (doubt === undefined) return found
  const attempt = { ...found.attempt, doubt }
  return { attempt, foreseen: foresee(gate, attempt) }
}
