import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { CHECKPOINT_STREAM, checkpointSubject, FIRST_EPOCH, HoldpointError, TRUST_STREAM } from '#contract'
import { createLedgerTail, verifyLedger } from '#ledger'
import type { Store } from '#store'
import { createTrust } from '#warrant'

/** One row of the demo's answer, read back from ClickHouse. */
export interface ActionRow {
  name: string
  ruling: string
  decision: string | null
  outcome: string
  actor: string
  approver: string | null
  verification: string
  waitMs: number | null
}

/** All gated actions, in order of time, once there are `expected` of them and each has been judged. */
export async function readActions(
  store: Store,
  expected: number,
): Promise<(ActionRow & { traceId: string; spanId: string; requestId: string })[]> {
  return eventually(
    () =>
      store.query<ActionRow & { traceId: string; spanId: string; requestId: string }>(
        `SELECT name, ruling, nullIf(decision, '') AS decision, outcome, agent AS actor,
                nullIf(arrayStringConcat(approvers, ', '), '') AS approver, verification,
                toInt32(wait_ms) AS waitMs, trace_id AS traceId, span_id AS spanId, request_id AS requestId
         FROM holdpoint_actions ORDER BY at, name`,
      ),
    (rows) =>
      rows.length >= expected &&
      rows.every(({ verification, outcome }) => verification !== '' && outcome !== 'started'),
    'the actions have not all reached ClickHouse',
  )
}

/**
 * Reads every leaf of the ledger and its signed checkpoint, with credentials that can only read, and recomputes
 * the tree under the pinned key. Throws LEDGER_CORRUPT or UNTRUSTED where anything differs.
 */
export async function verifyWholeLedger(nc: NatsConnection, pin: string, now: () => number) {
  const leaves: string[] = []
  const corrupt = Promise.withResolvers<never>()
  corrupt.promise.catch(() => {})
  const tail = createLedgerTail(
    { epoch: FIRST_EPOCH },
    { nc, onRecord: ({ leaf }) => void leaves.push(leaf), onCorrupt: corrupt.reject },
  )
  try {
    await tail.start()
    await Promise.race([tail.barrier(10_000), corrupt.promise])

    const manager = await jetstreamManager(nc, { checkAPI: false })
    const trust = createTrust({ pin }, { now })
    const latest = async (stream: string, subject: string): Promise<string> =>
      (await manager.streams.getMessage(stream, { last_by_subj: subject }))?.string() ?? ''
    const keySet = trust.adoptKeySet(await latest(TRUST_STREAM, 'hp.v1.trust.keyset.*'))
    const keys = trust.keys('ledger')
    // The ledger may grow while its checkpoint is waited for: it is followed until the two meet.
    const covers = (note: string): boolean => note.split('\n')[1] === String(leaves.length)
    const checkpoint = await Promise.race([
      eventually(
        () => latest(CHECKPOINT_STREAM, checkpointSubject(FIRST_EPOCH)),
        covers,
        'no checkpoint covers all entries',
      ),
      corrupt.promise,
    ])
    return verifyLedger({ leaves, checkpoint, origin: keySet.origin, keys })
  } finally {
    await tail.stop()
  }
}

async function eventually<T>(
  look: () => Promise<T>,
  isThere: (value: T) => boolean,
  otherwise: string,
): Promise<T> {
  for (
    const giveUpAt = performance.now() + 20_000;
    ;
    await new Promise((resolve) => setTimeout(resolve, 50))
  ) {
    const value = await look()
    if (isThere(value)) return value
    if (performance.now() > giveUpAt)
      throw new HoldpointError('UNAVAILABLE', `${otherwise}: ${JSON.stringify(value)}`)
  }
}
