import { isAlarming, type Verification } from '#contract'

/** One row of `holdpoint_findings`: what the pipeline found of one span. */
export interface FindingRow {
  trace_id: string
  span_id: string
  /** Start of the span: seconds since the epoch with nine decimals, as `unixNanoText` makes them. */
  timestamp: string
  service_name: string
  agent: string
  environment: string
  kind: string
  name: string
  target: string
  ruling: '' | 'allow' | 'hold' | 'deny'
  rule: string
  policy_version: number
  request_id: string
  outcome: 'executed' | 'failed' | 'not_run'
  verification: Verification
  detail: string
  /** Of the whole span, as it came: two spans may wear the same ids. */
  content_digest: string
  /** Milliseconds since the epoch. A later judgement of this content replaces an earlier one, but for alarms. */
  judged_at: number
  /** Empty, or absent, for a root. */
  parent_span_id?: string
  /** The span whose approved action this one is the effect of. */
  effect_of?: string
  /** Of `unverifiable`: what would have to be there. */
  reason?: '' | 'ledger' | 'policy' | 'span' | 'word'
  /** What it takes to judge the span again, as JSON; with the reason `ledger` only. */
  claim?: string
  /** When the span arrived, milliseconds since the epoch. */
  received_at?: number
}

export const FINDING_COLUMNS = [
  'trace_id',
  'span_id',
  'timestamp',
  'service_name',
  'agent',
  'environment',
  'kind',
  'name',
  'target',
  'ruling',
  'rule',
  'policy_version',
  'request_id',
  'outcome',
  'verification',
  'detail',
  'content_digest',
  'judged_at',
  'parent_span_id',
  'effect_of',
  'reason',
  'claim',
  'received_at',
  'content',
  'alarm',
] as const satisfies readonly (keyof StoredFinding)[]

/** As the table takes it: times as text, and what its key is made of. */
export interface StoredFinding extends Omit<FindingRow, 'judged_at' | 'received_at'> {
  judged_at: string
  received_at: string
  content: string
  alarm: 0 | 1
}

export const toStoredFinding = (row: FindingRow): StoredFinding => ({
  parent_span_id: '',
  effect_of: '',
  reason: '',
  claim: '',
  ...row,
  judged_at: unixMilliText(row.judged_at),
  received_at: unixMilliText(row.received_at ?? row.judged_at),
  content: row.content_digest,
  alarm: isAlarming(row.verification) ? 1 : 0,
})

/**
 * Nanoseconds since the epoch as `seconds.nanoseconds`, which ClickHouse reads into DateTime64(9) without loss.
 * Ten digits of seconds: it takes fewer than nine for a calendar date, which it refuses.
 */
export function unixNanoText(nanoseconds: bigint): string {
  const digits = nanoseconds.toString().padStart(19, '0')
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`
}

/**
 * Milliseconds since the epoch as `seconds.milliseconds`, with as many digits of seconds. With eleven ClickHouse
 * would refuse the row, and a ledger entry that it refuses keeps out all that follow: so nothing is later than 2286.
 */
export const unixMilliText = (milliseconds: number): string =>
  (Math.min(milliseconds, 9_999_999_999_999) / 1000).toFixed(3).padStart(14, '0')
