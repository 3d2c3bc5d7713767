import {
  type Approvals,
  type Assurance,
  atLeast,
  check,
  HoldpointError,
  type Path,
  type Problem,
} from '#contract'
import { checkCondition } from './condition.ts'
import { documentShape, type GivenApprovals, type GivenRule, type PolicyDocumentValue } from './document.ts'
import type { Duties } from './duties.ts'
import type { Defaults, Place, Policy, Rule, Terms } from './policy.ts'
import { findContradictions } from './references.ts'
import { readYaml, type YamlSource } from './yaml.ts'

/** What holds where the document is silent. There is no implicit allow. */
const BUILT_IN = {
  effect: 'hold',
  approvals: { from: [], threshold: 1, assurance: 'login' },
  timeoutMs: 15 * 60_000,
  validForMs: 60 * 60_000,
  rememberDenialMs: 60 * 60_000,
  quotas: { pending: 100, perMinute: 120, denialsPerHour: 20 },
} as const

/**
 * Reads a policy. Throws INVALID_POLICY with one line for each problem:
 * `file:line:column: key: value, expected …`.
 */
export function parsePolicy(source: string, file = 'policy'): Policy {
  const yaml = readYaml(source)
  if (yaml.problems.length > 0) throw invalid(file, yaml.problems)
  const checked = check(documentShape, yaml.value)
  const conditions = conditionProblems(yaml)
  if (!checked.ok)
    throw invalid(file, [...checked.problems.map((problem) => placed(problem, yaml)), ...conditions])
  const policy = fillIn(checked.value, file, yaml)
  const contradictions = findContradictions(policy, checked.value).map((problem) => placed(problem, yaml))
  if (conditions.length + contradictions.length > 0) throw invalid(file, [...conditions, ...contradictions])
  return policy
}

type PlacedProblem = Place & { message: string }

/** One missing bracket can be hundreds of problems. */
const MAX_SHOWN = 50

function invalid(file: string, problems: PlacedProblem[]): HoldpointError {
  const lines = problems
    .toSorted((one, other) => one.line - other.line || one.column - other.column)
    .map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`)
  const more = lines.length > MAX_SHOWN ? [`${file}: and ${lines.length - MAX_SHOWN} more`] : []
  return new HoldpointError('INVALID_POLICY', [...lines.slice(0, MAX_SHOWN), ...more].join('\n'))
}

function placed(problem: Problem, yaml: YamlSource): PlacedProblem {
  const { path, found, expected } = problem
  const key = path.join('.') || 'the document'
  return { ...placeOf(problem, yaml), message: `${key}: ${found}, expected ${expected}` }
}

/** An unknown key is shown at the key, a wrong value at the value, a missing key at what it is missing from. */
function placeOf({ path, found, expected }: Problem, yaml: YamlSource): Place {
  if (found === 'missing') return yaml.valueAt(path.slice(0, -1))
  return /^(one of the keys|a key matching) /.test(expected) ? yaml.keyAt(path) : yaml.valueAt(path)
}

/** Looks at the raw rules, so that conditions are checked even where something else in the document is wrong. */
function conditionProblems(yaml: YamlSource): PlacedProblem[] {
  const { rules } = (yaml.value ?? {}) as { rules?: unknown }
  if (!Array.isArray(rules)) return []
  return rules.flatMap((rule: { when?: unknown } | null, index) => {
    const when = rule?.when
    if (typeof when !== 'string' || when.length === 0 || when.length > 2000) return []
    const path: Path = ['rules', index, 'when']
    return checkCondition(when).map(({ offset, found, expected }) => ({
      ...yaml.insideText(path, offset),
      message: `${path.join('.')}: ${found}, expected ${expected}`,
    }))
  })
}

function fillIn(document: PolicyDocumentValue, file: string, yaml: YamlSource): Policy {
  const { default: mode = 'enforce', ...byEnvironment } = document.mode ?? {}
  const given = document.defaults ?? {}
  const defaults: Defaults = {
    effect: given.effect ?? BUILT_IN.effect,
    kinds: new Map(Object.entries(given.kinds ?? {})),
    ...terms(given, { ...BUILT_IN, approvals: { ...BUILT_IN.approvals, from: [] } }),
  }
  return {
    file,
    mode: { default: mode, byEnvironment: new Map(Object.entries(byEnvironment)) },
    defaults,
    groups: document.groups ?? {},
    duties: fillInDuties(document.duties ?? {}, defaults),
    quotas: { ...BUILT_IN.quotas, ...document.quotas },
    rules: (document.rules ?? []).map((rule) => fillInRule(rule, defaults)),
    place: yaml.valueAt,
  }
}

/** Where the document gives a duty to nobody, it is theirs who release actions by default. */
function fillInDuties(given: NonNullable<PolicyDocumentValue['duties']>, defaults: Defaults): Duties {
  const change = terms(given.policy ? { approvals: given.policy } : {}, defaults)
  const { approvals } = change
  return {
    freeze: given.freeze ?? defaults.approvals.from,
    erase: given.erase ?? defaults.approvals.from,
    // What may be released by a chat's word for somebody, the policy that says so may not.
    policy: { ...change, approvals: { ...approvals, assurance: stronger(approvals.assurance, 'login') } },
  }
}

const stronger = (one: Assurance, other: Assurance): Assurance => (atLeast(one, other) ? one : other)

const fillInRule = (rule: GivenRule, defaults: Defaults): Rule => ({
  id: rule.id,
  match: rule.match,
  ...(rule.when === undefined ? {} : { when: rule.when }),
  effect: rule.effect,
  ...(rule.risk === undefined ? {} : { risk: rule.risk }),
  ...(rule.reason === undefined ? {} : { reason: rule.reason }),
  ...terms(rule, defaults),
  redact: rule.redact ?? [],
})

interface GivenTerms {
  approvals?: GivenApprovals
  timeout?: number
  validFor?: number
  rememberDenial?: number
  escalate?: { after: number; to: string[] }[]
}

const terms = (given: GivenTerms, above: Terms): Terms => ({
  approvals: {
    ...mergeApprovals(given.approvals ?? {}, above.approvals),
    ...(given.escalate && { escalate: given.escalate.map(({ after, to }) => ({ afterMs: after, to })) }),
  },
  timeoutMs: given.timeout ?? above.timeoutMs,
  validForMs: given.validFor ?? above.validForMs,
  rememberDenialMs: given.rememberDenial ?? above.rememberDenialMs,
})

function mergeApprovals(given: GivenApprovals, above: Approvals): Approvals {
  const denials = given.denials ?? above.denials
  return {
    ...whoApproves(given, above),
    assurance: given.assurance ?? above.assurance,
    ...(denials === undefined ? {} : { denials }),
  }
}

/** The parts that stand above hold until somebody is named here; what is asked for in all never sinks by that. */
function whoApproves(given: GivenApprovals, above: Approvals): Pick<Approvals, 'from' | 'threshold' | 'all'> {
  const parts = given.all?.map(({ from, threshold = 1 }) => ({ from: [...new Set(from)], threshold }))
  const all = parts ?? (given.from === undefined && given.threshold === undefined ? above.all : undefined)
  if (all === undefined)
    return { from: [...new Set(given.from ?? above.from)], threshold: given.threshold ?? above.threshold }
  return {
    from: [...new Set(all.flatMap(({ from }) => from))],
    threshold: all.reduce((sum, { threshold }) => sum + threshold, 0),
    all,
  }
}
