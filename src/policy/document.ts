import {
  ASSURANCES,
  effectShape,
  type Infer,
  integer,
  list,
  literal,
  object,
  optional,
  record,
  riskShape,
  type Shape,
  text,
} from '#contract'
import { SPECIFIER } from './specifier.ts'

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
/** Below the 24.8 days at which a timer of 32 bits would wrap around and fire at once. */
const MAX_DURATION_MS = 14 * UNIT_MS.d

/** `90s`, `15m`, `2h`, `1d`, as milliseconds. */
const duration: Shape<number> = (value, at, report) => {
  const [, count, unit] = typeof value === 'string' ? (/^([1-9]\d{0,6})([smhd])$/.exec(value) ?? []) : []
  const ms = Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS]
  return ms <= MAX_DURATION_MS ? ms : report(at, 'a duration such as 90s, 15m, 2h or 1d, at most 14d', value)
}

const groupName = text({
  pattern: /^[a-z0-9][a-z0-9_.-]{0,63}$/,
  like: 'the name of a group: lowercase letters, digits, dots, hyphens and underscores',
})

const ruleId = text({
  pattern: /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/,
  like: 'an id of letters, digits, dots, hyphens and underscores',
})

const pattern = text({ min: 1, max: 500, like: 'a text, in which * and ? stand for characters' })
const patterns: Shape<string[]> = (value, at, report) =>
  Array.isArray(value) ? list(pattern, { min: 1, max: 100 })(value, at, report) : [pattern(value, at, report)]

const MODE = literal('enforce', 'observe')
type Mode = Infer<typeof MODE>
const mode: Shape<Record<string, Mode>> = (value, at, report) =>
  typeof value === 'object' && value !== null
    ? record(MODE, { max: 100 })(value, at, report)
    : { default: MODE(value, at, report) }

const groupNames = list(groupName, { min: 1, max: 50 })
const people = integer({ min: 1, max: 20 })

/** What is given overrides what stands above it, member by member; `all` stands in the place of `from` and `threshold`. */
const approvals = object({
  from: optional(groupNames),
  threshold: optional(people),
  all: optional(list(object({ from: groupNames, threshold: optional(people) }), { min: 2, max: 10 })),
  denials: optional(people),
  assurance: optional(literal(...ASSURANCES)),
})
export type GivenApprovals = Infer<typeof approvals>

const specifier = text({
  max: 700,
  pattern: SPECIFIER,
  like: 'oidc:<issuer>#group/<name> or oidc:<issuer>#sub/<subject>',
})

/** RFC 6901, below the arguments: a pointer to anything else would keep nothing from anybody. */
const pointer = text({
  max: 500,
  pattern: /^\/arguments(\/([^/~]|~[01])*)*$/,
  like: 'a JSON pointer below /arguments, such as /arguments/password',
})

const rule = object({
  id: ruleId,
  match: object({
    kind: optional(patterns),
    name: optional(patterns),
    target: optional(patterns),
    environment: optional(patterns),
    agent: optional(patterns),
  }),
  when: optional(text({ min: 1, max: 2000 })),
  effect: effectShape,
  risk: optional(riskShape),
  approvals: optional(approvals),
  timeout: optional(duration),
  validFor: optional(duration),
  rememberDenial: optional(duration),
  escalate: optional(list(object({ after: duration, to: groupNames }), { min: 1, max: 10 })),
  redact: optional(list(pointer, { min: 1, max: 100 })),
  reason: optional(text({ min: 1, max: 1000 })),
})
export type GivenRule = Infer<typeof rule>

/** None is no quota: an agent that may ask nothing is one to freeze. */
const quota = integer({ min: 1, max: 100_000 })

/** The document of a policy, before defaults are filled in. */
export const documentShape = object({
  holdpoint: literal(1),
  mode: optional(mode),
  defaults: optional(
    object({
      effect: optional(effectShape),
      kinds: optional(record(effectShape, { max: 100, key: /^[a-z][a-z0-9_-]{0,63}$/ })),
      approvals: optional(approvals),
      timeout: optional(duration),
      validFor: optional(duration),
      rememberDenial: optional(duration),
    }),
  ),
  groups: optional(
    record(list(specifier, { min: 1, max: 500 }), { max: 200, key: /^[a-z0-9][a-z0-9_.-]{0,63}$/ }),
  ),
  rules: optional(list(rule, { max: 1000 })),
  duties: optional(
    object({ freeze: optional(groupNames), erase: optional(groupNames), policy: optional(approvals) }),
  ),
  quotas: optional(
    object({ pending: optional(quota), perMinute: optional(quota), denialsPerHour: optional(quota) }),
  ),
})
export type PolicyDocumentValue = Infer<typeof documentShape>
