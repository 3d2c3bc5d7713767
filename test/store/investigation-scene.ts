import type { LedgerEntry } from '#contract'
import { type FindingRow, unixNanoText, type WhoActedFilter } from '#store'
import { approver, digest, finding, requested, T0, trace } from './action-rows.ts'

export const DAY_MS = 86_400_000

const of = (requestId: string, char: string) => ({ requestId, actionDigest: digest(char) })
const review = (at: number, requestId: string, char: string, sub: string): LedgerEntry => ({
  type: 'review',
  at,
  ...of(requestId, char),
  reviewer: approver(sub),
  groups: ['sre'],
  verdict: 'approve',
  renderHash: digest('d'),
})
const decided = (
  at: number,
  requestId: string,
  char: string,
  decision: 'approved' | 'denied',
): LedgerEntry => ({
  type: 'decided',
  at,
  ...of(requestId, char),
  decision,
  by: [approver('ana')],
})
const consumed = (at: number, requestId: string, char: string, by = char): LedgerEntry => ({
  type: 'spent',
  at,
  ...of(requestId, char),
  spend: 'consumed',
  nonce: 'n'.repeat(16),
  trace: trace(by),
})
/** A question that nobody waits for. */
const UNWAITED = { process: undefined }

export const LEDGER: LedgerEntry[] = [
  requested('r1', '1', {
    ruling: { effect: 'hold', rule: 'export', policyVersion: 3, policyHash: digest('f'), risk: 'high' },
  }),
  review(T0 + 1_500, 'r1', '1', 'ana'),
  decided(T0 + 2_000, 'r1', '1', 'approved'),
  review(T0 + 2_500, 'r1', '1', 'bob'),
  consumed(T0 + 3_000, 'r1', '1'),
  { type: 'outcome', at: T0 + 4_000, ...of('r1', '1'), outcome: 'executed' },
  // Waits for days, and is then run in another trace.
  requested('r2', '2', { at: T0 + DAY_MS, ...UNWAITED }),
  decided(T0 + 5 * DAY_MS, 'r2', '2', 'approved'),
  consumed(T0 + 5 * DAY_MS + 1_000, 'r2', '2', '3'),
  // Denied, and nobody waited.
  requested('r4', '4', { at: T0 + 2 * DAY_MS, ...UNWAITED }),
  decided(T0 + 2 * DAY_MS + 60_000, 'r4', '4', 'denied'),
  // Denied, and somebody waited.
  requested('r5', '5', { at: T0 + 2 * DAY_MS }),
  decided(T0 + 2 * DAY_MS + 60_000, 'r5', '5', 'denied'),
  requested('r6', '6', { at: T0 + 6 * DAY_MS }),
]

export const at = (char: string, ms: number, more: Partial<FindingRow>): FindingRow =>
  finding(char, {
    timestamp: unixNanoText(BigInt(ms) * 1_000_000n),
    judged_at: ms + 2_000,
    received_at: ms + 1_000,
    content_digest: digest(char),
    ...more,
  })
const refused = { verification: 'refused', outcome: 'not_run' } as const
const allowed = {
  name: 'lookup_customer',
  ruling: 'allow',
  rule: 'lookup',
  verification: 'not_required',
} as const

export const FINDINGS: FindingRow[] = [
  at('1', T0 + 3_000, { request_id: 'r1', verification: 'verified' }),
  at('3', T0 + 5 * DAY_MS + 1_000, { request_id: 'r2', verification: 'verified' }),
  // Somebody came back for the answer twice: in another trace, and in that of the question.
  at('a', T0 + 3 * DAY_MS, { request_id: 'r4', ...refused }),
  at('4', T0 + 3 * DAY_MS, { span_id: 'e'.repeat(16), request_id: 'r4', ...refused }),
  // Says that it was not run on an answer that somebody else waited for.
  at('b', T0 + 3 * DAY_MS, { request_id: 'r5', ...refused }),
  at('c', T0 + 4 * DAY_MS, { verification: 'missing' }),
  at('c', T0 + 4 * DAY_MS + 5_000, { verification: 'observed', content_digest: digest('0') }),
  ...['7', '8', '9'].map((char, no) => at(char, T0 + no * DAY_MS, allowed)),
  // Sent again.
  at('7', T0, { ...allowed, received_at: T0 + 9_000, judged_at: T0 + 9_500 }),
]

/** Filters, and how many actions of the week are left. */
export const NARROWED: [what: string, filter: Partial<WhoActedFilter>, rows: number][] = [
  ['verifications', { verifications: ['not_required'] }, 3],
  ['verifications without what is allowed', { verifications: ['verified', 'refused'] }, 5],
  ['rulings', { rulings: ['allow'] }, 3],
  ['agents', { agents: ['nobody'] }, 0],
  ['environments', { environments: ['staging'] }, 0],
  ['text', { text: 'LOOKUP' }, 3],
  ['text in a person’s name', { text: 'ana' }, 4],
  ['kinds', { kinds: ['db'] }, 0],
  ['decisions', { decisions: ['denied', 'pending'] }, 3],
  ['no decision', { decisions: ['none'] }, 6],
  ['no decision, and no ruling that allows', { decisions: ['none'], rulings: ['hold', 'deny'] }, 3],
  ['a person they are done for', { user: 'UMA' }, 5],
  ['kind and name', { action: 'tool LOOKUP' }, 3],
  ['a target', { target: 'nowhere' }, 0],
  ['a person who approved, and not one who denied', { approver: 'ana' }, 2],
  ['an account that approved', { approver: 'https://idp#ANA' }, 2],
  ['several at once', { approver: 'ana', user: 'uma', decisions: ['denied'] }, 0],
  ['words that would end a string', { approver: "' OR 1=1 --", action: "\\' OR 1=1 --" }, 0],
]
