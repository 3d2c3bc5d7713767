import { canonicalize, type JsonValue, parseJson, type Ruling, withDoubt } from '#contract'
import type { Authority } from './authority.ts'
import { refuse } from './refusal.ts'
import type { GateAttempt, Refusal } from './types.ts'

export interface Given {
  value: JsonValue
  canonical: string
}

/** A copy, taken at once: what a getter says next time, or the caller changes from here on, was not asked for. */
export function takeArguments({ arguments: given, argumentsText }: GateAttempt): Given {
  if (argumentsText !== undefined) {
    const value = parseJson(argumentsText)
    return { value, canonical: canonicalize(value) }
  }
  const canonical = canonicalize(given)
  return { value: JSON.parse(canonical), canonical }
}

/** What policy says, as far as a gate can know. */
export function rule(
  { kind, name, target, onBehalfOf = [], doubt }: GateAttempt,
  given: JsonValue,
  authority: Authority,
): Ruling {
  const { agent, environment } = authority.registration
  const ruling = authority.rule({
    action: { kind, name, ...(target === undefined ? {} : { target }), arguments: given },
    environment,
    agent,
    // Whose tokens these are, the broker finds out. A rule that asks is one that only the broker can rule by.
    onBehalfOf: onBehalfOf.length === 0 ? [] : undefined,
  })
  return doubt === undefined ? ruling : withDoubt(ruling)
}

/** Whether it runs without anybody being asked. */
export const isFree = ({ effect, mode }: Ruling): boolean => effect === 'allow' || mode === 'observe'

export const denial = ({ name }: GateAttempt, { reason, rule }: Ruling): Refusal =>
  refuse({ code: 'POLICY_DENIED', name, reason, rule })
