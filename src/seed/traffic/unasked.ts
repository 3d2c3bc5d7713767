import { ATTR, ERROR_TYPE, type Ruling } from '#contract'
import type { SpanText } from '../spans/span.ts'
import type { Call, Variant } from '../world/actions.ts'
import type { Agent } from '../world/agents.ts'
import type { Person } from '../world/people.ts'
import type { SeededPolicy } from '../world/policy.ts'
import { judgementOf } from './judgement.ts'
import { actionText, rulingWords, UNASKED_DIGEST, wordsOf } from './texts.ts'

/** What becomes of an action by policy alone. `unclear`: it is allowed by a condition, which no span can show. */
export type Course = 'allowed' | 'unclear' | 'observed' | 'denied' | 'held'

export function courseOf(policy: SeededPolicy, agent: Agent, call: Call, variant: Variant): Course {
  const { effect, mode } = policy.ruleOn(agent, call, variant)
  if (effect === 'allow')
    return says(policy.possibleRulings(agent, call, variant)).size > 1 ? 'unclear' : 'allowed'
  if (mode === 'observe')
    return says(policy.possibleRulings(agent, call, variant)).size > 1 ? 'unclear' : 'observed'
  return effect === 'deny' ? 'denied' : 'held'
}

const says = (rulings: readonly Ruling[]): Set<string> =>
  new Set(
    rulings.map(({ effect, mode }) =>
      effect === 'allow' ? 'allow' : mode === 'observe' ? 'observe' : 'hold',
    ),
  )

export interface Unasked {
  agent: Agent
  call: Call
  variant: Variant
  user: Person | undefined
  policy: SeededPolicy
  /** It ran, and threw. */
  isFailing: boolean
}

/** The span of an action on which policy alone ruled, and what is found of it. */
export function unaskedText({ agent, call, variant, user, policy, isFailing }: Unasked): SpanText {
  const ruling = policy.ruleOn(agent, call, variant)
  const course = courseOf(policy, agent, call, variant)
  const ran = course !== 'denied'
  const failure = ran ? (isFailing ? 'TypeError' : undefined) : ERROR_TYPE.denied
  const outcome = ran ? (isFailing ? 'failed' : 'executed') : 'not_run'
  const attributes = {
    ...wordsOf(agent, call, variant, user),
    ...rulingWords(ruling, agent),
    ...(ran ? UNASKED_DIGEST : {}),
    [ATTR.outcome]: outcome,
    ...(failure === undefined ? {} : { 'error.type': failure }),
  }
  return {
    ...actionText(agent, call),
    attributes,
    ...(failure === undefined ? {} : { error: { message: messageOf(course, ruling) } }),
    judgement: judgementOf(attributes, { ...finding(course, policy, agent, call, variant), outcome }),
  }
}

const messageOf = (course: Course, { reason = '' }: Ruling): string =>
  course === 'denied' ? `POLICY_DENIED: ${reason}` : 'fetch failed'

function finding(course: Course, policy: SeededPolicy, agent: Agent, call: Call, variant: Variant) {
  const possible = policy.possibleRulings(agent, call, variant)
  const named = [...new Set(possible.map(({ rule, effect }) => `${rule}: ${effect}`))].join(', ')
  const [ruling] = possible
  const detail = `${named}, policy ${policy.version}`
  if (course === 'unclear')
    return {
      verification: 'unverifiable',
      reason: 'span',
      detail: `the ruling depends on what the span does not carry (${named})`,
    } as const
  const verdict = {
    allowed: 'not_required',
    observed: 'observed',
    denied: 'refused',
    held: 'missing',
  } as const
  const words = { allowed: detail, observed: detail, denied: `not run, by its own word; ${detail}`, held: '' }
  return {
    verification: verdict[course],
    detail: words[course],
    ...(ruling === undefined ? {} : { ruling }),
  }
}
