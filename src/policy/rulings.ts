import type { Digest, Ruling } from '#contract'
import { DEFAULTS, type Mode, POLICY_CHANGE, type Policy, type Rule, type Terms } from './policy.ts'

/** Shared by every question, therefore frozen. */
export type Rulings = Readonly<Record<Mode, Ruling>>

/** Which policy it is that rules. */
export interface PolicyId {
  version: number
  hash: Digest
}

const UNSURE = 'The condition of this rule could not be evaluated for this action, so it is held.'
const NOBODY = 'The policy names nobody who may release a change of it: see duties.policy.'
const UNREADABLE = 'The action could not be read by the policy, so it is held.'

/** Where a rule matches and its condition, if any, is true. */
export const rulingsOf = (rule: Rule, id: PolicyId): Rulings =>
  inBothModes({
    ...baseOf(rule, id),
    effect: rule.effect,
    ...(rule.reason === undefined ? {} : { reason: rule.reason }),
  })

/** Where its condition can be neither true nor false. */
export const unsureRulings = (rule: Rule, id: PolicyId): Rulings =>
  inBothModes({ ...baseOf(rule, id), effect: 'hold', reason: UNSURE })

const baseOf = (rule: Rule, id: PolicyId) => ({
  rule: rule.id,
  policyVersion: id.version,
  policyHash: id.hash,
  ...(rule.risk === undefined ? {} : { risk: rule.risk }),
  ...termsOf(rule),
  redact: rule.redact,
})

export const defaultRulings =
  ({ defaults }: Policy, id: PolicyId) =>
  (effect: Ruling['effect'], reason?: string): Rulings =>
    inBothModes({
      effect,
      rule: DEFAULTS,
      policyVersion: id.version,
      policyHash: id.hash,
      ...(reason === undefined ? {} : { reason }),
      ...termsOf(defaults),
      redact: [],
    })

export const unreadableRuling = (policy: Policy, id: PolicyId): Ruling =>
  defaultRulings(policy, id)('hold', UNREADABLE).enforce

/** Whoever could change the policy unseen could change everything: it is held where all else is only observed. */
export const policyChangeRuling = (terms: Terms, id: PolicyId): Ruling =>
  inBothModes({
    effect: terms.approvals.from.length === 0 ? 'deny' : 'hold',
    rule: POLICY_CHANGE,
    policyVersion: id.version,
    policyHash: id.hash,
    risk: 'critical',
    ...(terms.approvals.from.length === 0 ? { reason: NOBODY } : {}),
    ...termsOf(terms),
    redact: [],
  }).enforce

const termsOf = ({ approvals, timeoutMs, validForMs, rememberDenialMs }: Terms): Terms => ({
  approvals,
  timeoutMs,
  validForMs,
  rememberDenialMs,
})

const inBothModes = (ruling: Omit<Ruling, 'mode'>): Rulings => ({
  enforce: deepFreeze(structuredClone({ ...ruling, mode: 'enforce' as const })),
  observe: deepFreeze(structuredClone({ ...ruling, mode: 'observe' as const })),
})

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}
