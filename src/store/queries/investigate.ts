import type { Verification } from '#contract'
import type { Store } from '../store.ts'
import { readSql, readTime } from './sql.ts'

/** Where a row stands, the newest first, and nothing else stands at the same place but its like. */
export interface RowPlace {
  /** Milliseconds since the epoch. */
  at: number
  trace_id: string
  span_id: string
  tie: string
}

/** Milliseconds since the epoch, both included. A list that is empty or left out filters nothing. */
interface Window {
  fromMs: number
  toMs: number
  agents?: readonly string[]
  verifications?: readonly (Verification | '')[]
  /** Only what comes behind this row. */
  after?: RowPlace | undefined
  /** The newest so many. */
  most: number
}

/** Texts are found anywhere, in any case; an empty one filters nothing. */
export interface WhoActedFilter extends Window {
  environments?: readonly string[]
  kinds?: readonly string[]
  /** `unknown`: it depends on what the span does not carry. */
  rulings?: readonly string[]
  /** `none`: nobody was asked. */
  decisions?: readonly string[]
  /** In `issuer#subject`. */
  user?: string
  /** In kind and name. */
  action?: string
  target?: string
  /** In the name, or `issuer#subject`, of somebody who approved. */
  approver?: string
  /** In agent, user, name, target, rule, people or ids. */
  text?: string
}

export type ViolationsFilter = Window

/** An action, who attempted it, and who authorized or refused it. Names of actions and agents may be hostile. */
export interface WhoActedRow {
  /** Milliseconds since the epoch: when it was asked for, or began. */
  at: number
  agent: string
  /** `issuer#subject` of the person on whose behalf, or empty. */
  user: string
  /** Kind and name. */
  action: string
  target: string
  ruling: string
  rule: string
  /** Who released it, by name; `denied by` whom, or why it was nobody. For people to read. */
  authorized_by: string
  /** Empty where nobody was asked. */
  decision: '' | 'pending' | 'approved' | 'denied' | 'expired' | 'cancelled'
  /** Names of those who approved; nobody, unless the decision is `approved`. */
  approvers: string[]
  /** Names of those who denied it. */
  refused_by: string[]
  assurance: string
  channel: string
  /** From question to decision; `null` without one. */
  wait_ms: number | null
  outcome: string
  /** Empty until a span has come. */
  verification: Verification | ''
  detail: string
  trace_id: string
  span_id: string
  request_id: string
  risk: string
  environment: string
  enforcement: string
  tie: string
}

/** An action that went round the gate, lied about it, or was only observed. Its words are the span's own. */
export interface ViolationRow {
  /** Milliseconds since the epoch. */
  at: number
  verification: Verification
  agent: string
  kind: string
  name: string
  target: string
  ruling: string
  rule: string
  outcome: string
  detail: string
  service_name: string
  trace_id: string
  span_id: string
  request_id: string
  tie: string
}

/** How many there are. */
export type ViolationCounts = Record<'forged' | 'missing' | 'replayed' | 'unbound' | 'observed', number>

const WHO_ACTED = readSql('who-acted')
const VIOLATIONS = readSql('violations')
const VIOLATIONS_BY_KIND = readSql('violations-by-kind')

type Reader = Pick<Store, 'query'>
type AsStored<Row> = Omit<Row, 'at'> & { at: string }

/** Newest first. */
export async function whoActed(store: Reader, filter: WhoActedFilter): Promise<WhoActedRow[]> {
  const rows = await store.query<AsStored<WhoActedRow>>(WHO_ACTED, {
    ...{ environments: [], kinds: [], rulings: [], decisions: [] },
    ...{ user: '', action: '', target: '', approver: '', text: '' },
    ...pageParams(filter),
  })
  return rows.map((row) => ({ ...row, at: readTime(row.at) }))
}

/** `missing`, `forged`, `unbound`, `replayed` and `observed`, newest first. */
export async function violations(store: Reader, filter: ViolationsFilter): Promise<ViolationRow[]> {
  const rows = await store.query<AsStored<ViolationRow>>(VIOLATIONS, pageParams(filter))
  return rows.map((row) => ({ ...row, at: readTime(row.at) }))
}

/** All of a time, however many. */
export async function countViolations(
  store: Reader,
  filter: Pick<ViolationsFilter, 'fromMs' | 'toMs' | 'agents' | 'verifications'>,
): Promise<ViolationCounts> {
  const [row] = await store.query<Record<keyof ViolationCounts, number | string>>(VIOLATIONS_BY_KIND, {
    ...NO_LISTS,
    ...filter,
  })
  const count = (kind: keyof ViolationCounts): number => Number(row?.[kind] ?? 0)
  return {
    forged: count('forged'),
    missing: count('missing'),
    replayed: count('replayed'),
    unbound: count('unbound'),
    observed: count('observed'),
  }
}

const NO_LISTS = { agents: [], verifications: [] }

function pageParams<Filter extends Window>({ after, ...filter }: Filter) {
  const { at, trace_id, span_id, tie } = after ?? { at: filter.toMs, trace_id: '', span_id: '', tie: '' }
  const toMs = Math.min(at, filter.toMs)
  return { ...NO_LISTS, ...filter, toMs, afterTrace: trace_id, afterSpan: span_id, afterTie: tie }
}
