import { ATTR, principalId } from '#contract'
import {
  type ResourceRange,
  type Rewritten,
  type SpanRange,
  type TraceRanges,
  tellingSpans,
} from '../otlp/ranges.ts'
import type { Attributes, Span } from '../otlp/span.ts'
import type { Judged, JudgedSpan } from './judged.ts'
import type { LedgerRequest, LedgerView } from './ledger-view.ts'

/**
 * Takes back what only the pipeline may say, and says it: no verdict of a client's is stored, and an approver stands
 * on a span only where the ledger puts one there. What was claimed is kept in the finding; what was judged stays as
 * it is.
 */
export function rewrite(
  { resources }: TraceRanges,
  judged: Judged,
  view: Pick<LedgerView, 'request'>,
): Rewritten {
  const spans = new Map<SpanRange, Span>()
  const changed = new Map<ResourceRange, Attributes>()
  for (const resource of resources) {
    if (resource.telling) {
      const attributes = new Map(resource.attributes())
      dropOurs(attributes)
      if (attributes.size < resource.attributes().size) changed.set(resource, attributes)
    }
    for (const range of tellingSpans(resource)) {
      const one = judged.actions.get(range)
      const span = one?.span ?? judged.tainted.get(range)
      if (span === undefined) continue
      const copy = copyOf(span)
      for (const { attributes } of copy.events) dropOurs(attributes)
      for (const { attributes } of copy.links) dropOurs(attributes)
      dropVerdict(copy.attributes)
      rewriteSpan(copy, one, view)
      spans.set(range, copy)
    }
  }
  return { spans, resources: changed }
}

const copyOf = (span: Span): Span => ({
  ...span,
  attributes: new Map(span.attributes),
  events: span.events.map((event) => ({ ...event, attributes: new Map(event.attributes) })),
  links: span.links.map((link) => ({ ...link, attributes: new Map(link.attributes) })),
})

function rewriteSpan(span: Span, judged: JudgedSpan | undefined, view: Pick<LedgerView, 'request'>): void {
  const { attributes } = span
  if (judged === undefined) {
    // No action, so without a verdict; the wait for an approval is the honest case.
    const claimed = attributes.get(ATTR.approvalId)
    dropApproval(attributes)
    const request = typeof claimed === 'string' ? view.request(claimed) : undefined
    if (request) attributes.set(ATTR.approvalId, request.requested.requestId)
    return
  }
  const { verdict } = judged
  attributes.set(ATTR.verification, verdict.verification)
  if (verdict.request !== undefined && isItsOwn(judged)) writeApproval(attributes, verdict.request)
  // A refusal keeps its words; anywhere else they would pass for somebody's approval.
  else dropApproval(attributes, verdict.verification === 'refused' ? [ATTR.decision, ...WORDS] : [])
}

/** The request is about this very span: it consumed the approval, or nobody did and it was not run. */
function isItsOwn({ claim, verdict }: JudgedSpan): boolean {
  if (verdict.verification === 'unbound' || verdict.verification === 'replayed') return false
  const { requested, spent } = verdict.request as LedgerRequest
  const owner = spent?.trace ?? requested.trace
  const isOwner = owner.traceId === claim.trace.traceId && owner.spanId === claim.trace.spanId
  return isOwner || verdict.verification === 'refused'
}

/** They are not in the ledger, and stay as the gate wrote them. Whatever else is under our name is nobody's word. */
const WORDS: readonly string[] = [ATTR.reason, ATTR.waitMs]

function writeApproval(attributes: Attributes, { requested, decided }: LedgerRequest): void {
  dropApproval(attributes, WORDS)
  const write = (name: string, value: string | undefined) => {
    if (value !== undefined) attributes.set(name, value)
  }
  attributes.set(ATTR.approvalId, requested.requestId)
  attributes.set(ATTR.actionDigest, requested.actionDigest)
  attributes.set(ATTR.ruling, requested.ruling.effect)
  attributes.set(ATTR.policyRule, requested.ruling.rule)
  attributes.set(ATTR.policyVersion, BigInt(requested.ruling.policyVersion))
  write(ATTR.decision, decided?.decision)
  const [first] = decided?.by ?? []
  if (decided === undefined || first === undefined) return
  write(ATTR.channel, first.channel)
  write(ATTR.assurance, first.assurance)
  write(ATTR.approverId, principalId(first))
  write(ATTR.approverName, first.name)
  attributes.set(ATTR.approvers, decided.by.map(principalId))
}

const APPROVAL = 'holdpoint.approval.'

function dropApproval(attributes: Attributes, kept: readonly string[] = []): void {
  for (const name of attributes.keys())
    if (name.startsWith(APPROVAL) && !kept.includes(name)) attributes.delete(name)
}

/** From where nothing honest puts them, and where nobody would judge them. */
function dropOurs(attributes: Attributes): void {
  dropVerdict(attributes)
  dropApproval(attributes)
}

function dropVerdict(attributes: Attributes): void {
  for (const name of attributes.keys())
    if (name === ATTR.verification || name.startsWith(BELOW_VERIFICATION)) attributes.delete(name)
}

const BELOW_VERIFICATION = `${ATTR.verification}.`
