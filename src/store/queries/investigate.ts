import type { Verification } from '#contract'
import type { Store } from '../store.ts'
import { readSql, readTime } from './sql.ts'

/** Milliseconds since the epoch, both included. A list that is empty or left out filters nothing. */
interface Window {
  fromMs: number
  toMs: number
  agents?: readonly string[]
  verifications?: readonly (Verification | '')[]
  /** The newest so many. */
  most: number
}

export interface WhoActedFilter extends Window {
  environments?: readonly string[]
  rulings?: readonly string[]
  /** Somewhere in agent, user, name, target, rule, people or ids, in any case. */
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
  /** Names of those who approved, or refused, with commas between. */
  approvers: string
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
}

const WHO_ACTED = readSql('who-acted')
const VIOLATIONS = readSql('violations')

type Reader = Pick<Store, 'query'>
type AsStored<Row> = Omit<Row, 'at'> & { at: string }

/** Newest first. */
export async function whoActed(store: Reader, filter: WhoActedFilter): Promise<WhoActedRow[]> {
  const everything = { agents: [], environments: [], rulings: [], verifications: [], text: '' }
  const rows = await store.query<AsStored<WhoActedRow>>(WHO_ACTED, { ...everything, ...filter })
  return rows.map((row) => ({ ...row, at: readTime(row.at) }))
}

/** `missing`, `forged`, `unbound`, `replayed` and `observed`, newest first. */
export async function violations(store: Reader, filter: ViolationsFilter): Promise<ViolationRow[]> {
  const everything = { agents: [], verifications: [] }
  const rows = await store.query<AsStored<ViolationRow>>(VIOLATIONS, { ...everything, ...filter })
  return rows.map((row) => ({ ...row, at: readTime(row.at) }))
}
