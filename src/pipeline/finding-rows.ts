import { GEN_AI } from '#contract'
import { type FindingRow, unixNanoText } from '#store'
import { valueText } from './otlp/text.ts'
import { encodeClaim } from './verification/claim-text.ts'
import type { Claim } from './verification/claims.ts'
import type { Judged, JudgedSpan } from './verification/judged.ts'
import type { Verdict } from './verification/verify.ts'

/** One row for each action: what its span said of itself, and what the ledger and policy say of that. */
export const findingRowsOf = ({ actions }: Judged, judgedAtMs: number): FindingRow[] =>
  [...actions.values()].map((one) => toFindingRow(one, judgedAtMs))

function toFindingRow(
  { span, service, receivedAtMs, claim, verdict }: JudgedSpan,
  judgedAtMs: number,
): FindingRow {
  return {
    trace_id: span.traceId,
    span_id: span.spanId,
    timestamp: unixNanoText(span.startNs),
    service_name: cut(service, MAX_NAME),
    agent: cut(actorOf(span), MAX_NAME),
    name: cut(claim.name),
    target: cut(claim.target ?? ''),
    outcome: outcomeOf(claim),
    content_digest: claim.contentDigest(),
    parent_span_id: span.parentSpanId,
    received_at: receivedAtMs,
    ...verdictColumns(claim, verdict, judgedAtMs),
  }
}

/** The row of a span that was judged before, by what is known now. */
export const judgedAgain = (
  row: FindingRow,
  claim: Claim,
  verdict: Verdict,
  judgedAtMs: number,
): FindingRow => ({
  ...row,
  ...verdictColumns(claim, verdict, judgedAtMs),
})

function verdictColumns(claim: Claim, verdict: Verdict, judgedAtMs: number) {
  const { requested } = verdict.request ?? {}
  const ruling = requested?.ruling ?? verdict.ruling
  return {
    environment: cut(claim.environment ?? requested?.environment ?? '', MAX_NAME),
    kind: cut(claim.kind ?? requested?.kind ?? 'tool', MAX_NAME),
    ruling: ruling?.effect ?? '',
    rule: ruling?.rule ?? '',
    policy_version: ruling?.policyVersion ?? 0,
    request_id: cut(claim.approvalId ?? requested?.requestId ?? '', MAX_NAME),
    verification: verdict.verification,
    detail: cut(withClaims(verdict.detail, claim)),
    judged_at: judgedAtMs,
    effect_of: verdict.effectOf ?? '',
    reason: verdict.reason ?? '',
    claim: verdict.reason === 'ledger' ? encodeClaim(claim) : '',
  } satisfies Partial<FindingRow>
}

/** A framework names its agents; what is held by hand or called on an MCP server has the registered id alone. */
const actorOf = ({ attributes }: JudgedSpan['span']): string =>
  valueText(attributes.get(GEN_AI.agentName)) || valueText(attributes.get(GEN_AI.agentId))

/** Longer than anything the ledger knows; the span itself is stored whole. */
const MAX_TEXT = 4_000
/** A resource says its own of each of its spans: what is long there once is long ten thousand times. */
const MAX_NAME = 500
const cut = (text: string, most = MAX_TEXT): string =>
  text.length > most ? `${text.slice(0, most).toWellFormed()}…` : text

/** What the span said of an approval: on the stored span it is replaced by the ledger's word, or gone. */
function withClaims(detail: string, claim: Claim): string {
  const { decision, approverIds, approverName, channel, assurance } = claim
  const claimed = Object.entries({
    decision,
    approvers: approverIds.slice(0, 20).join(', '),
    approverName,
    channel,
    assurance,
  })
  const shown = claimed.flatMap(([what, value]) =>
    value ? [`${what} ${JSON.stringify(value.slice(0, 300))}`] : [],
  )
  return shown.length === 0 ? detail : `${detail} (claimed: ${shown.join(', ')})`
}

/** A gate says what became of it; of any other's span the status does. */
const outcomeOf = ({ ran, outcome, failed, isForeign }: Claim): FindingRow['outcome'] =>
  !ran ? 'not_run' : outcome === 'failed' || (isForeign && failed) ? 'failed' : 'executed'
