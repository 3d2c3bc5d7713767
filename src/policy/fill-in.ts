import { type Approvals, type Assurance, atLeast } from '#contract'
import type { GivenApprovals, GivenRule, PolicyDocumentValue } from './document.ts'
import type { Duties } from './duties.ts'
import type { Defaults, Policy, Rule, Terms } from './policy.ts'

/** What holds where the document is silent. There is no implicit allow. */
const BUILT_IN = {
  effect: 'hold',
  approvals: { from: [], threshold: 1, assurance: 'login' },
  timeoutMs: 15 * 60_000,
  validForMs: 60 * 60_000,
  rememberDenialMs: 60 * 60_000,
  quotas: { pending: 100, perMinute: 120, denialsPerHour: 20 },
} as const

/** The policy that a document is, with what it leaves unsaid. */
export function fillIn(document: PolicyDocumentValue): Omit<Policy, 'file' | 'place'> {
  const { default: mode = 'enforce', ...byEnvironment } = document.mode ?? {}
  const given = document.defaults ?? {}
  const defaults: Defaults = {
    effect: given.effect ?? BUILT_IN.effect,
    kinds: new Map(Object.entries(given.kinds ?? {})),
    ...terms(given, { ...BUILT_IN, approvals: { ...BUILT_IN.approvals, from: [] } }),
  }
  return {
    mode: { default: mode, byEnvironment: new Map(Object.entries(byEnvironment)) },
    defaults,
    groups: document.groups ?? {},
    duties: fillInDuties(document.duties ?? {}, defaults),
    quotas: { ...BUILT_IN.quotas, ...document.quotas },
    rules: (document.rules ?? []).map((rule) => fillInRule(rule, defaults)),
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
