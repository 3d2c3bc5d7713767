import { type Approver, digestHex, isOfRequest, type LedgerEntry, principalId } from '#contract'
import { unixMilliText } from './rows.ts'

/** What the table keeps of an entry beside its canonical statement. Absent members are empty. */
const EMPTY = {
  origin: '',
  ledger_index: '0',
  at: '0',
  type: '',
  request_id: '',
  action_digest: '',
  agent_iss: '',
  agent_sub: '',
  agent_name: '',
  owner_iss: '',
  owner_sub: '',
  environment: '',
  enforcement: '',
  on_behalf_of: [] as string[],
  kind: '',
  name: '',
  target: '',
  trace_id: '',
  span_id: '',
  ruling: '',
  rule: '',
  policy_version: 0,
  policy_hash: '',
  risk: '',
  threshold: 0,
  expires_at: null as string | null,
  render_hash: '',
  valid_for_ms: 0,
  process: '',
  precondition: '',
  prompted_by: '',
  reviewer_iss: '',
  reviewer_sub: '',
  reviewer_name: '',
  reviewer_groups: [] as string[],
  verdict: '',
  reason_digest: '',
  assurance: '',
  channel: '',
  decision: '',
  decided_by: [] as { iss: string; sub: string; name: string; assurance: string; channel: string }[],
  spend: '',
  outcome: '',
  error_type: '',
  observes: 0,
  release: '',
  directory_version: 0,
  directory_hash: '',
  frozen: null as 0 | 1 | null,
  freeze_turn: 0,
  sealed_epoch: 0,
  sealed_size: 0,
  sealed_root: '',
  leaf_hash: '',
  statement: '',
}

/** One row of `holdpoint_ledger`; make it with `toLedgerRow`. Times are seconds with three decimals. */
export type LedgerRow = typeof EMPTY

export const LEDGER_COLUMNS = Object.keys(EMPTY) as readonly (keyof LedgerRow)[]

export interface LedgerPosition {
  /** Which log: the number of its epoch. */
  origin: string
  /** From 0. */
  index: number | bigint
  /** Lowercase hex. */
  leafHash: string
  /** The canonical bytes of the entry, as `encodeEntry` wrote them. */
  statement: string
}

export function toLedgerRow(
  entry: LedgerEntry,
  { origin, index, leafHash, statement }: LedgerPosition,
): LedgerRow {
  const about = isOfRequest(entry) ? { request_id: entry.requestId, action_digest: entry.actionDigest } : {}
  return {
    ...EMPTY,
    origin,
    ledger_index: index.toString(),
    at: unixMilliText(entry.at),
    type: entry.type,
    ...about,
    ...details(entry),
    leaf_hash: leafHash,
    statement,
  }
}

function details(entry: LedgerEntry): Partial<LedgerRow> {
  switch (entry.type) {
    case 'requested':
      return {
        agent_iss: entry.agent.iss,
        agent_sub: entry.agent.sub,
        agent_name: entry.agent.name,
        owner_iss: entry.owner.iss,
        owner_sub: entry.owner.sub,
        environment: entry.environment,
        enforcement: entry.enforcement,
        on_behalf_of: entry.onBehalfOf.map(principalId),
        kind: entry.kind,
        name: entry.name,
        target: entry.target ?? '',
        trace_id: entry.trace.traceId,
        span_id: entry.trace.spanId,
        ruling: entry.ruling.effect,
        rule: entry.ruling.rule,
        policy_version: entry.ruling.policyVersion,
        policy_hash: entry.ruling.policyHash,
        risk: entry.ruling.risk ?? '',
        threshold: entry.approvals.threshold,
        expires_at: unixMilliText(entry.expiresAt),
        render_hash: entry.renderHash,
        valid_for_ms: entry.validForMs,
        process: entry.process ?? '',
        precondition: entry.precondition ?? '',
        prompted_by: entry.promptedBy === undefined ? '' : principalId(entry.promptedBy),
      }
    case 'review':
      return {
        ...reviewer(entry.reviewer),
        reviewer_groups: entry.groups ?? [],
        verdict: entry.verdict,
        reason_digest: entry.reasonDigest ?? '',
        render_hash: entry.renderHash,
      }
    case 'decided':
      return {
        decision: entry.decision,
        reason_digest: entry.reasonDigest ?? '',
        decided_by: entry.by.map(({ iss, sub, name, assurance, channel }) => ({
          iss,
          sub,
          name,
          assurance,
          channel,
        })),
      }
    case 'spent':
      return {
        spend: entry.spend,
        trace_id: entry.trace?.traceId ?? '',
        span_id: entry.trace?.spanId ?? '',
        process: entry.process ?? '',
        ...(entry.by === undefined ? {} : reviewer(entry.by)),
      }
    case 'outcome':
      return { outcome: entry.outcome, error_type: entry.errorType ?? '' }
    case 'erased':
      return reviewer(entry.by)
    case 'policy':
      return {
        policy_version: entry.version,
        policy_hash: entry.hash,
        observes: entry.observes ? 1 : 0,
        release: entry.release ?? '',
      }
    case 'directory':
      return { directory_version: entry.version, directory_hash: entry.hash }
    case 'freeze':
      return {
        ...reviewer(entry.by),
        agent_sub: entry.agent ?? '',
        frozen: entry.frozen ? 1 : 0,
        freeze_turn: entry.turn,
        reason_digest: entry.reasonDigest ?? '',
      }
    case 'continued':
      return { sealed_epoch: entry.epoch, sealed_size: entry.size, sealed_root: digestHex(entry.root) }
  }
}

/** Whoever did it in person. */
const reviewer = ({ iss, sub, name, assurance, channel }: Approver): Partial<LedgerRow> => ({
  reviewer_iss: iss,
  reviewer_sub: sub,
  reviewer_name: name,
  assurance,
  channel,
})
