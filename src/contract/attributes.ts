/** Span attributes. Ours are under `holdpoint.`; the others are OpenTelemetry's GenAI conventions. */
export const ATTR = {
  actionKind: 'holdpoint.action.kind',
  actionTarget: 'holdpoint.action.target',
  actionDigest: 'holdpoint.action.digest',
  ruling: 'holdpoint.ruling',
  policyRule: 'holdpoint.policy.rule',
  policyVersion: 'holdpoint.policy.version',
  enforcement: 'holdpoint.enforcement',
  approvalId: 'holdpoint.approval.id',
  decision: 'holdpoint.approval.decision',
  channel: 'holdpoint.approval.channel',
  assurance: 'holdpoint.approval.assurance',
  reason: 'holdpoint.approval.reason',
  waitMs: 'holdpoint.approval.wait_ms',
  approverId: 'holdpoint.approval.approver.id',
  approverName: 'holdpoint.approval.approver.name',
  approvers: 'holdpoint.approval.approvers',
  outcome: 'holdpoint.outcome',
  /** Written by the pipeline alone; whatever a client sends here is thrown away. */
  verification: 'holdpoint.verification',
} as const

export const GEN_AI = {
  operationName: 'gen_ai.operation.name',
  toolName: 'gen_ai.tool.name',
  toolCallId: 'gen_ai.tool.call.id',
  toolType: 'gen_ai.tool.type',
  agentName: 'gen_ai.agent.name',
  agentId: 'gen_ai.agent.id',
  conversationId: 'gen_ai.conversation.id',
  userId: 'user.id',
} as const

/** `error.type` of a span whose action was not run, by what kept it from running. */
export const ERROR_TYPE = {
  denied: 'approval_denied',
  expired: 'approval_expired',
  cancelled: 'approval_cancelled',
  unavailable: 'approval_unavailable',
} as const

/** What became of the action, as the gate says on the span. */
export type SpanOutcome = 'executed' | 'failed' | 'not_run'

/** `issuer#subject`: how one person is written in one attribute. */
export const principalId = ({ iss, sub }: { iss: string; sub: string }): string => `${iss}#${sub}`

/** What the pipeline found when it checked a span's claim against the ledger. */
export const VERIFICATIONS = [
  'verified',
  'refused',
  'not_required',
  'observed',
  'missing',
  'forged',
  'unbound',
  'replayed',
  'unverifiable',
] as const
export type Verification = (typeof VERIFICATIONS)[number]
