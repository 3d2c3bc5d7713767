import { hash } from 'node:crypto'
import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import {
  ATTR,
  encodeEntry,
  GEN_AI,
  type LedgerEntry,
  ledgerStream,
  subjectOfEntry,
  type TraceRef,
  type Verification,
} from '#contract'
import {
  APPROVED_ATTRIBUTES,
  DENIED_ATTRIBUTES,
  decided,
  outcome,
  requested,
  spent,
  UNASKED_ATTRIBUTES,
} from '../../pipeline/entries.ts'
import { EPOCH } from '../../support/house.ts'
import { pause } from '../../support/pause.ts'
import { type Gated, spanIdOf, traceIdOf } from './payloads.ts'

/** A span that stands for an action, what the ledger has of it, and what has to be found. */
interface Action extends Gated {
  entries: LedgerEntry[]
  verification: Verification
}

export interface Expected extends TraceRef {
  verification: Verification
}

const SORTS = ['verified', 'forged', 'missing', 'replayed', 'unbound', 'refused', 'not_required'] as const

/** The first span of the request `key` as an action of this sort. */
function actionOf(sort: (typeof SORTS)[number], key: string, nowMs: number): Action {
  const trace = { traceId: traceIdOf(key), spanId: spanIdOf(key, 0) }
  // As the broker makes them: the epoch, and letters and digits of base32.
  const requestId = `${EPOCH}-${hash('sha256', key, 'hex')
    .slice(0, 26)
    .replaceAll(/[0189]/g, 'x')}`
  const at = nowMs - 3_000
  const approvedFor = (of: TraceRef): LedgerEntry[] => [
    requested({ requestId, at, trace: of, expiresAt: nowMs + 600_000 }),
    decided({ requestId, at: at + 1 }),
    spent({ requestId, at: at + 2, trace: of }),
    outcome({ requestId, at: at + 3 }),
  ]
  const name = 'execute_tool export_customers'
  const claiming = (attributes: Gated['attributes']): Gated['attributes'] => ({
    ...attributes,
    [ATTR.approvalId]: requestId,
  })
  const action = (entries: LedgerEntry[], attributes = claiming(APPROVED_ATTRIBUTES)): Action => ({
    name,
    attributes,
    entries,
    verification: sort,
  })
  switch (sort) {
    case 'verified':
      return action(approvedFor(trace))
    case 'replayed':
      return action(approvedFor({ ...trace, spanId: 'eeeeeeeeeeeeeeee' }))
    case 'unbound':
      return action(approvedFor({ ...trace, traceId: 'e'.repeat(32) }))
    case 'forged':
      return action([])
    case 'missing':
      return action([], UNASKED_ATTRIBUTES)
    case 'refused':
      return action(
        [requested({ requestId, at, trace }), decided({ requestId, at: at + 1, decision: 'denied' })],
        claiming(DENIED_ATTRIBUTES),
      )
    case 'not_required':
      return {
        ...action([], { ...UNASKED_ATTRIBUTES, [GEN_AI.toolName]: 'lookup_customer' }),
        name: 'execute_tool lookup_customer',
      }
  }
}

/** Makes actions of all sorts in turn. What the ledger has to say of one is committed before its span is sent. */
export function createActions(nc: NatsConnection, nowMs: () => number) {
  const expected: Expected[] = []
  const requested: string[] = []
  let nth = 0
  return {
    expected,
    requested,
    async next(key: string): Promise<Gated> {
      const sort = SORTS[nth++ % SORTS.length] as (typeof SORTS)[number]
      const { entries, verification, ...gated } = actionOf(sort, key, nowMs())
      for (const entry of entries) {
        await commit(nc, entry)
        if (entry.type === 'requested') requested.push(entry.requestId)
      }
      expected.push({ traceId: traceIdOf(key), spanId: spanIdOf(key, 0), verification })
      return gated
    },
  }
}

/** Each has a subject of its own, written once, so that it can be sent until it is there. */
async function commit(nc: NatsConnection, entry: LedgerEntry): Promise<void> {
  const subject = subjectOfEntry(EPOCH, entry, 'reviewer')
  const expect = { streamName: ledgerStream(EPOCH), lastSubjectSequence: 0 }
  for (;;) {
    try {
      await jetstream(nc).publish(subject, encodeEntry(entry), { expect, timeout: 1_000 })
      return
    } catch (error) {
      if (/wrong last sequence|maximum messages per subject/.test((error as Error).message)) return
      await pause(50)
    }
  }
}
