import { ATTR, principalId } from '#contract'
import {
  type ResourceRange,
  type Rewritten,
  type SpanRange,
  type TraceRanges,
  tellingSpans,
} from '../otlp/ranges.ts'
import type { Attributes, Span } from '../otlp/span.ts'
import { isOurs } from '../otlp/strip.ts'
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
      const attributes = strip(resource.attributes())
      if (attributes.size < resource.attributes().size) changed.set(resource, attributes)
    }
    for (const range of tellingSpans(resource)) {
      const one = judged.actions.get(range)
      const span = one?.span ?? judged.tainted.get(range)
      if (span === undefined) continue
      spans.set(range, {
        ...span,
        attributes: attributesOf(span, one, view),
        events: span.events.map(withoutOurs),
        links: span.links.map(withoutOurs),
      })
    }
  }
  return { spans, resources: changed }
}

function attributesOf(
  { attributes }: Span,
  judged: JudgedSpan | undefined,
  view: Pick<LedgerView, 'request'>,
): Attributes {
  if (judged === undefined) {
    // No action, so without a verdict; the wait for an approval is the honest case.
    const claimed = attributes.get(ATTR.approvalId)
    const written = strip(attributes)
    const request = typeof claimed === 'string' ? view.request(claimed) : undefined
    if (request) written.set(ATTR.approvalId, request.requested.requestId)
    return written
  }
  const { verdict } = judged
  const request = isItsOwn(judged) ? verdict.request : undefined
  // A refusal keeps its words; anywhere else they would pass for somebody's approval.
  const kept = request ? WORDS : verdict.verification === 'refused' ? [ATTR.decision, ...WORDS] : []
  const written = strip(attributes, kept)
  written.set(ATTR.verification, verdict.verification)
  if (request) writeApproval(written, request)
  return written
}

/** The request is about this very span: it consumed the approval, or nobody did and it was not run. */
function isItsOwn({ claim, verdict }: JudgedSpan): boolean {
  if (verdict.request === undefined) return false
  if (verdict.verification === 'unbound' || verdict.verification === 'replayed') return false
  const { requested, spent } = verdict.request
  const owner = spent?.trace ?? requested.trace
  const isOwner = owner.traceId === claim.trace.traceId && owner.spanId === claim.trace.spanId
  return isOwner || verdict.verification === 'refused'
}

/** They are not in the ledger, and stay as the gate wrote them. Whatever else is under our name is nobody's word. */
const WORDS: readonly string[] = [ATTR.reason, ATTR.waitMs]

function writeApproval(attributes: Attributes, { requested, decided }: LedgerRequest): void {
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

/** Events and links have no verdict and no approval: nobody would judge what stands there. */
const withoutOurs = <One extends { attributes: Attributes }>(one: One): One => ({
  ...one,
  attributes: strip(one.attributes),
})

/** A copy without what only the pipeline may say. */
function strip(attributes: Attributes, kept: readonly string[] = []): Attributes {
  const rest: Attributes = new Map()
  for (const [name, value] of attributes) if (!isOurs(name) || kept.includes(name)) rest.set(name, value)
  return rest
}
