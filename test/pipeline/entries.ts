import {
  type Approver,
  ATTR,
  type DecidedEntry,
  type Digest,
  digestBytes,
  GEN_AI,
  type OutcomeEntry,
  type PolicyEntry,
  principalId,
  type RequestedEntry,
  type SpentEntry,
} from '#contract'
import { type Sample, SPAN, TRACE } from './encode.ts'

/** One request's way through the ledger, and the span of an honest gate that goes with it. */
export const AT = 1_763_000_000_000
export const DIGEST: Digest = digestBytes('the action')
export const POLICY_HASH: Digest = digestBytes('the policy')

export const BOB: Approver = {
  iss: 'https://idp.test',
  sub: 'bob',
  name: 'Bob Reviewer',
  assurance: 'login',
  channel: 'cli',
  evidence: digestBytes('token'),
}
export const CAROL: Approver = {
  ...BOB,
  sub: 'carol',
  name: 'Carol Reviewer',
  assurance: 'step-up',
  channel: 'console',
}

export const requested = (over: Partial<RequestedEntry> = {}): RequestedEntry => ({
  type: 'requested',
  at: AT,
  requestId: 'r1',
  actionDigest: DIGEST,
  agent: { iss: 'test.invalid/holdpoint', sub: 'support', name: 'Support agent' },
  owner: { iss: 'https://idp.test', sub: 'alice' },
  environment: 'prod',
  enforcement: 'in-process:support',
  onBehalfOf: [],
  kind: 'tool',
  name: 'export_customers',
  process: 'process-1',
  trace: { traceId: TRACE, spanId: SPAN },
  ruling: { effect: 'hold', rule: 'export', policyVersion: 1, policyHash: POLICY_HASH },
  approvals: { from: ['sre'], threshold: 1, assurance: 'login' },
  expiresAt: AT + 600_000,
  validForMs: 60_000,
  renderHash: digestBytes('the card'),
  ...over,
})

export const decided = (over: Partial<DecidedEntry> = {}): DecidedEntry => ({
  type: 'decided',
  at: AT + 1_000,
  requestId: 'r1',
  actionDigest: DIGEST,
  decision: 'approved',
  by: [BOB],
  ...over,
})

export const spent = (over: Partial<SpentEntry> = {}): SpentEntry => ({
  type: 'spent',
  at: AT + 2_000,
  requestId: 'r1',
  actionDigest: DIGEST,
  spend: 'consumed',
  nonce: 'nonce-nonce-nonce',
  trace: { traceId: TRACE, spanId: SPAN },
  ...over,
})

export const outcome = (over: Partial<OutcomeEntry> = {}): OutcomeEntry => ({
  type: 'outcome',
  at: AT + 3_000,
  requestId: 'r1',
  actionDigest: DIGEST,
  outcome: 'executed',
  ...over,
})

export const policy = (over: Partial<PolicyEntry> = {}): PolicyEntry => ({
  type: 'policy',
  at: AT - 60_000,
  version: 1,
  hash: POLICY_HASH,
  observes: false,
  ...over,
})

/** What the gate writes on the span of an action that was approved and run. */
export const APPROVED_ATTRIBUTES: Record<string, Sample> = {
  [GEN_AI.operationName]: 'execute_tool',
  [GEN_AI.toolName]: 'export_customers',
  [ATTR.actionKind]: 'tool',
  [ATTR.actionDigest]: DIGEST,
  [ATTR.ruling]: 'hold',
  [ATTR.policyRule]: 'export',
  [ATTR.policyVersion]: 1n,
  [ATTR.enforcement]: 'in-process:support',
  [ATTR.approvalId]: 'r1',
  [ATTR.decision]: 'approved',
  [ATTR.waitMs]: 1_000n,
  [ATTR.channel]: 'cli',
  [ATTR.assurance]: 'login',
  [ATTR.approverId]: principalId(BOB),
  [ATTR.approverName]: BOB.name,
  [ATTR.approvers]: [principalId(BOB)],
  [ATTR.outcome]: 'executed',
}

/** Of one that a reviewer denied. */
export const DENIED_ATTRIBUTES: Record<string, Sample> = {
  ...APPROVED_ATTRIBUTES,
  [ATTR.decision]: 'denied',
  [ATTR.outcome]: 'not_run',
  'error.type': 'approval_denied',
}

/** Of one that nobody was asked about. */
export const UNASKED_ATTRIBUTES: Record<string, Sample> = {
  [GEN_AI.operationName]: 'execute_tool',
  [GEN_AI.toolName]: 'export_customers',
  [ATTR.actionKind]: 'tool',
}

export const without = (attributes: Record<string, Sample>, ...names: string[]): Record<string, Sample> =>
  Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)))
