import type { Store } from '../store.ts'
import { readSql } from './sql.ts'

/** A span as its process tells it: testimony, every text of it. Times in nanoseconds, since the epoch for a start. */
export interface TraceSpan {
  spanId: string
  parentSpanId: string
  name: string
  kind: string
  service: string
  startNs: string
  durationNs: string
  status: string
  statusMessage: string
  attributes: [key: string, value: string][]
}

/** What the ledger and the pipeline say of one gated action. */
export interface TraceAction {
  spanId: string
  requestId: string
  agent: string
  owner: string
  name: string
  ruling: string
  rule: string
  decision: string
  approvers: string[]
  refusedBy: string[]
  outcome: string
  /** 1 where two entries contradict each other. */
  contradicted: number
  verification: string
  detail: string
}

const SPANS = readSql('spans-of-trace')
const ACTIONS = readSql('actions-of-trace')

type Reader = Pick<Store, 'query'>

/** Of a trace at most so many spans, oldest first. What ran unapproved is among them, then what else is judged. */
export const spansOfTrace = (store: Reader, traceId: string, most: number): Promise<TraceSpan[]> =>
  store.query<TraceSpan>(SPANS, { traceId, most })

/** Of a trace at most so many gated actions, oldest first; what ran unapproved is among them. */
export const actionsOfTrace = (store: Reader, traceId: string, most: number): Promise<TraceAction[]> =>
  store.query<TraceAction>(ACTIONS, { traceId, most })
