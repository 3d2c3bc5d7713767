import {
  ATTR,
  type DecidedEntry,
  GEN_AI,
  type OutcomeEntry,
  principalId,
  type RequestedEntry,
  type ReviewEntry,
  type SpanOutcome,
  type SpentEntry,
  type Verification,
} from '#contract'
import type { Attributes, Judgement, Value } from '../spans/span.ts'

/** A request as the ledger has it. */
export interface Recorded {
  requested: RequestedEntry
  reviews?: readonly ReviewEntry[]
  decided?: DecidedEntry
  spent?: SpentEntry
  outcome?: OutcomeEntry
}

interface Found {
  verification: Verification
  detail: string
  reason?: 'span'
  /** The request that the span is about. */
  request?: Recorded
  /** It is about this very span: what it says of its approval is replaced by what the ledger says. */
  isItsOwn?: boolean
  /** Where policy alone was asked. */
  ruling?: { effect: string; rule: string; policyVersion: number }
  isEffect?: boolean
  /** Where the span does not say them. */
  kind?: string
  name?: string
  target?: string
  outcome: SpanOutcome
}

/** A finding, and the span as it is stored with it: the pipeline's word in the place of the agent's. */
export function judgementOf(sent: Attributes, found: Found): Judgement {
  const { verification, detail, request, isEffect = false } = found
  const ruling = request?.requested.ruling ?? found.ruling
  const said = (key: string): string | undefined => {
    const value = sent[key]
    return typeof value === 'string' ? value : undefined
  }
  return {
    verification,
    reason: found.reason ?? '',
    detail: detail + claimsOf(sent),
    attributes: storedAttributes(sent, found),
    agent: said(GEN_AI.agentName) ?? said(GEN_AI.agentId) ?? '',
    kind: found.kind ?? said(ATTR.actionKind) ?? 'tool',
    name: found.name ?? said(GEN_AI.toolName) ?? '',
    target: found.target ?? said(ATTR.actionTarget) ?? '',
    ruling: ruling?.effect ?? '',
    rule: ruling?.rule ?? '',
    policyVersion: ruling?.policyVersion ?? 0,
    requestId: said(ATTR.approvalId) ?? request?.requested.requestId ?? '',
    outcome: found.outcome,
    isEffect,
  }
}

/** Not in the ledger: they stay as the gate wrote them, where a request is this span's. */
const WORDS: readonly string[] = [ATTR.reason, ATTR.waitMs]

function storedAttributes(sent: Attributes, { verification, request, isItsOwn }: Found): Attributes {
  const own = isItsOwn ? request : undefined
  const kept = own ? WORDS : verification === 'refused' ? [ATTR.decision, ...WORDS] : []
  const rest = Object.entries(sent).filter(
    ([key]) => !key.startsWith('holdpoint.approval.') || kept.includes(key),
  )
  return { ...Object.fromEntries(rest), [ATTR.verification]: verification, ...(own ? approvalOf(own) : {}) }
}

function approvalOf({ requested, decided }: Recorded): Attributes {
  const [first] = decided?.by ?? []
  return {
    [ATTR.approvalId]: requested.requestId,
    [ATTR.actionDigest]: requested.actionDigest,
    [ATTR.ruling]: requested.ruling.effect,
    [ATTR.policyRule]: requested.ruling.rule,
    [ATTR.policyVersion]: BigInt(requested.ruling.policyVersion),
    ...(decided === undefined ? {} : { [ATTR.decision]: decided.decision }),
    ...(decided === undefined || first === undefined ? {} : approversOf(decided.by)),
  }
}

/** As a gate says them: the first alone, and all of a threshold. */
export function approversOf(by: DecidedEntry['by']): Record<string, Value> {
  const [first] = by
  if (first === undefined) return {}
  return {
    [ATTR.channel]: first.channel,
    [ATTR.assurance]: first.assurance,
    [ATTR.approverId]: principalId(first),
    [ATTR.approverName]: first.name,
    [ATTR.approvers]: by.map(principalId),
  }
}

/** What the span said of an approval, kept in the finding's words. */
function claimsOf(sent: Attributes): string {
  const approvers = sent[ATTR.approvers]
  const claimed = {
    decision: sent[ATTR.decision],
    approvers: Array.isArray(approvers) ? approvers.join(', ') : undefined,
    approverName: sent[ATTR.approverName],
    channel: sent[ATTR.channel],
    assurance: sent[ATTR.assurance],
  }
  const shown = Object.entries(claimed).flatMap(([what, value]) =>
    value ? [`${what} ${JSON.stringify(value)}`] : [],
  )
  return shown.length === 0 ? '' : ` (claimed: ${shown.join(', ')})`
}
