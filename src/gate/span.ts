import { hash, randomBytes } from 'node:crypto'
import {
  type Attributes,
  type Context,
  context,
  type Span,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import {
  ATTR,
  type Decision,
  type Digest,
  type EnforcementPoint,
  GEN_AI,
  principalId,
  type Ruling,
  type SpanOutcome,
  type TraceRef,
  type WarrantClaims,
} from '#contract'
import { errorTypeOf } from './refusal.ts'
import type { GateAttempt, Refusal } from './types.ts'

/** The span of one action. What it says is testimony: the pipeline checks it against the ledger. */
export interface ActionSpan {
  span: Span
  /** Where the action, and the wait for it, become children. */
  context: Context
  /** Ours to end; a framework's own span is only annotated. */
  isOurs: boolean
}

/** Whose it is stands on it from the start: also what is refused before any rule is asked has an actor. */
export function openSpan(
  tracer: Tracer,
  attempt: GateAttempt,
  agentId: string,
  askedBy?: TraceRef,
): ActionSpan {
  const active = context.active()
  const attributes = { ...words(attempt), [GEN_AI.agentId]: agentId }
  const links = askedBy === undefined ? [] : [{ context: { ...askedBy, traceFlags: TraceFlags.NONE } }]
  const span =
    attempt.annotate ?? tracer.startSpan(`execute_tool ${attempt.name}`, { attributes, links }, active)
  if (attempt.annotate !== undefined) span.setAttributes(attributes)
  return { span, context: trace.setSpan(active, span), isOurs: attempt.annotate === undefined }
}

/**
 * The span of a question that this process does not wait for. It is no action yet, and says nothing that would make it
 * one; `openSpan` is for what runs, and links back to it.
 */
export function openRequestSpan(tracer: Tracer, { name }: GateAttempt, agentId: string): ActionSpan {
  const active = context.active()
  const attributes = { [GEN_AI.toolName]: name, [GEN_AI.agentId]: agentId }
  const span = tracer.startSpan(`request_approval ${name}`, { attributes }, active)
  return { span, context: trace.setSpan(active, span), isOurs: true }
}

/** A question that was refused at once is an action that was not run. */
export const markAsAction = ({ span }: ActionSpan, attempt: GateAttempt): void => {
  span.setAttributes(words(attempt))
}

function words({ kind, name, target, attempt, agentName, conversation, user }: GateAttempt): Attributes {
  const attributes: Attributes = {
    [GEN_AI.operationName]: 'execute_tool',
    [GEN_AI.toolName]: name,
    [ATTR.actionKind]: kind,
  }
  if (target !== undefined) attributes[ATTR.actionTarget] = target
  if (attempt !== undefined) attributes[GEN_AI.toolCallId] = attempt
  if (agentName !== undefined) attributes[GEN_AI.agentName] = agentName
  if (conversation !== undefined) attributes[GEN_AI.conversationId] = conversation
  if (user !== undefined) attributes[GEN_AI.userId] = user
  return attributes
}

/** All zeros where nobody traces. */
export function traceOf(span: Span): TraceRef {
  const { traceId, spanId } = span.spanContext()
  return { traceId, spanId }
}

export function markRuling(
  { span }: ActionSpan,
  ruling: Pick<Ruling, 'effect' | 'rule' | 'policyVersion'>,
  enforcement: EnforcementPoint,
): void {
  span.setAttribute(ATTR.ruling, ruling.effect)
  span.setAttribute(ATTR.policyRule, ruling.rule)
  span.setAttribute(ATTR.policyVersion, ruling.policyVersion)
  span.setAttribute(ATTR.enforcement, enforcement)
}

/** Of this process alone: nobody finds guessable arguments by trying out digests. */
const SALT = randomBytes(16).toString('base64url')

/** An action that nobody was asked about has no digest of the broker's; this one tells equal calls apart. */
export function markUnaskedDigest(
  { span }: ActionSpan,
  { kind, name }: GateAttempt,
  canonical: string,
): void {
  if (!span.isRecording()) return
  const digest: Digest = `sha-256:${hash('sha256', `${SALT}\n${kind}\n${name}\n${canonical}`, 'hex')}`
  span.setAttribute(ATTR.actionDigest, digest)
}

export function openWait(tracer: Tracer, { context: parent }: ActionSpan, name: string): Span {
  return tracer.startSpan(`await_approval ${name}`, {}, parent)
}

export function markDecision(
  { span }: ActionSpan,
  decision: Decision,
  { waitMs, reason }: { waitMs?: number; reason?: string | undefined },
): void {
  span.setAttribute(ATTR.decision, decision)
  if (waitMs !== undefined) span.setAttribute(ATTR.waitMs, waitMs)
  if (reason !== undefined) span.setAttribute(ATTR.reason, reason)
}

type Approval = Pick<WarrantClaims['hp']['approvals'][number], 'iss' | 'sub' | 'name'> & {
  channel: string
  assurance: string
}

/** Who decided: the first stands in the single attributes, all of a threshold in the list. */
export function markApprovers({ span }: ActionSpan, approvals: readonly Approval[]): void {
  const [first] = approvals
  if (first === undefined) return
  span.setAttributes({
    [ATTR.channel]: first.channel,
    [ATTR.assurance]: first.assurance,
    [ATTR.approverId]: principalId(first),
    [ATTR.approverName]: first.name,
    [ATTR.approvers]: approvals.map(principalId),
  })
}

export function endRan({ span, isOurs }: ActionSpan, errorType?: string, message?: string): void {
  const outcome: SpanOutcome = errorType === undefined ? 'executed' : 'failed'
  span.setAttribute(ATTR.outcome, outcome)
  if (errorType !== undefined) {
    span.setAttribute('error.type', errorType)
    span.setStatus({ code: SpanStatusCode.ERROR, ...(message === undefined ? {} : { message }) })
  }
  if (isOurs) span.end()
}

export function endRefused({ span, isOurs }: ActionSpan, { code, reason, requestId }: Refusal): void {
  const outcome: SpanOutcome = 'not_run'
  span.setAttribute(ATTR.outcome, outcome)
  span.setAttribute('error.type', errorTypeOf(code))
  if (requestId !== undefined) span.setAttribute(ATTR.approvalId, requestId)
  span.setStatus({ code: SpanStatusCode.ERROR, message: `${code}: ${reason}` })
  if (isOurs) span.end()
}

/** Total, like errorMessage: tools throw anything, and that must reach the caller, the span and the ledger. */
export function errorName(error: unknown): string {
  try {
    return printable(error instanceof Error ? error.name : typeof error)
  } catch {
    return UNNAMED
  }
}

export function errorMessage(error: unknown): string | undefined {
  try {
    return error instanceof Error ? String(error.message) : undefined
  } catch {
    return undefined
  }
}

const UNNAMED = 'Error'

/** As the broker takes it: well-formed, and not too long. */
export const printable = (name: unknown): string =>
  typeof name === 'string' && name !== '' ? name.slice(0, 200).toWellFormed() : UNNAMED
