import type { NatsConnection } from '@nats-io/transport-node'
import type { Identity } from '#identity'
import { createLedgerTail } from '#ledger'
import { type Component, composeComponents, type Log, whileRunning } from '#runtime'
import type { PrivateKey } from '#warrant/issue'
import { createAnnouncements } from './announcements.ts'
import { createCheckpoints } from './checkpoints.ts'
import { createLedgerWriter } from './commit.ts'
import { type Context, createNotify } from './context.ts'
import { createDocuments } from './documents.ts'
import { createLeases } from './leases.ts'
import { createLine } from './line.ts'
import { createMint } from './mint.ts'
import { createNewest } from './newest.ts'
import { createPayloads } from './payload.ts'
import { recordPolicy } from './policy-record.ts'
import { createRequests } from './requests.ts'
import { createServing } from './serving.ts'
import { createSweeper, sweep } from './sweep.ts'
import { createMeasures } from './telemetry.ts'

export interface BrokerConfig {
  epoch: number
  origin: string
  pin: string
  warrantKey: PrivateKey
  checkpointKey: PrivateKey
  /** 32 bytes: request ids, and the keys that seal payloads. */
  secret: Uint8Array
  heartbeatMs?: number
  sweepMs?: number
  checkpointMs?: number
  maxPayloadBytes?: number
}

export interface BrokerDeps {
  nc: NatsConnection
  identity: Identity
  now: () => number
  log: Log
  /** The ledger contradicts itself, or NATS is gone for good: this broker serves nobody any more. */
  onFailure(error: unknown): void
}

const READ_LEDGER_WITHIN_MS = 60_000
const CATCH_UP_WITHIN_MS = 2_000

/** The authority: takes requests and reviews, decides once, issues warrants. All that it knows, the ledger says. */
export function createBroker(config: BrokerConfig, deps: BrokerDeps): Component {
  const { epoch, origin, secret } = config
  const { heartbeatMs = 5_000, sweepMs = 1_000, checkpointMs = 1_000, maxPayloadBytes = 1_000_000 } = config
  const { nc, identity, now, log } = deps
  let newestPolicy = 0
  let isCaughtUp = false
  let corruption: unknown

  const leases = createLeases({ leaseMs: 3 * heartbeatMs }, { now })
  const requests = createRequests()
  const newest = createNewest()
  const notify = createNotify(nc)
  const measures = createMeasures()
  const checkpoints = createCheckpoints(
    { epoch, origin, key: config.checkpointKey, everyMs: checkpointMs },
    { nc, log },
  )
  const documents = createDocuments(
    { pin: config.pin },
    { nc, now, log, onChange: () => void documentsChanged(), newestPolicy: () => newestPolicy },
  )
  const tail = createLedgerTail(
    { epoch },
    {
      nc,
      onRecord: (record) => {
        const { index, entry, leafHash } = record
        if (entry.type === 'policy') newestPolicy = Math.max(newestPolicy, entry.version)
        requests.apply(entry, { index, leafHash })
        checkpoints.append(Buffer.from(leafHash, 'base64'))
        newest.add(record)
      },
      onCorrupt: (error) => {
        corruption = error
        void Promise.all([serving.stop(), sweeper.stop()])
        if (isCaughtUp) deps.onFailure(error)
      },
    },
  )
  const context: Context = {
    config: { epoch, origin, heartbeatMs, maxPayloadBytes, secret },
    ledger: createLedgerWriter(epoch, { nc }),
    payloads: createPayloads(secret, { nc }),
    mint: createMint({ origin, key: config.warrantKey }),
    catchUp: () => tail.barrier(CATCH_UP_WITHIN_MS),
    checkpoint: checkpoints.newest,
    maxReplyBytes: () => nc.info?.max_payload ?? maxPayloadBytes,
    newest,
    requests,
    documents,
    identity,
    leases,
    notify,
    measures,
    now,
    log,
  }
  const sweeper = createSweeper(sweepMs, context)
  const serving = createServing(nc, context)

  /** Recorded first, then made known: no gate rules by a policy that the ledger has not heard of. */
  async function documentsChanged(): Promise<void> {
    if (!isCaughtUp) return
    try {
      await recordPolicy(context)
      notify.trustChanged(leases.agents())
    } catch (error) {
      log.error('a newer policy could not be recorded', { error })
    }
  }

  /** Knows all that the ledger says, and has done what a broker that died left undone, before anybody can ask. */
  const catchingUp: Component = {
    name: 'ledger so far',
    async start() {
      await tail.barrier(READ_LEDGER_WITHIN_MS)
      isCaughtUp = true
      await recordPolicy(context)
      await sweep(context)
      if (corruption) throw corruption
    },
    async stop() {},
  }
  const gauge = whileRunning('gauge of pending requests', () => measures.watchPending(requests.pendingCount))
  const announcements = createAnnouncements({ nc, requests, notify, now, log })
  const line = createLine({ nc, leases, onFailure: deps.onFailure })
  return composeComponents(
    [documents, tail, catchingUp, checkpoints, sweeper, gauge, line, serving, announcements],
    log,
    'broker',
  )
}
