import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError } from '#contract'
import type { Identity } from '#identity'
import { type Component, composeComponents, type Log, whileRunning } from '#runtime'
import type { PrivateKey } from '#warrant/issue'
import { createAnnouncements } from './announcements.ts'
import { announceFreeze } from './arrows/freezing.ts'
import { createSweeper, sweep } from './arrows/sweep.ts'
import { type Context, createNotify } from './context.ts'
import { createAdoption, type PolicyChanges } from './documents/adoption.ts'
import { recordDirectory } from './documents/directory-record.ts'
import { createDocuments } from './documents/documents.ts'
import { recordPolicyInForce } from './documents/policy-record.ts'
import { createLedgerWriter } from './history/commit.ts'
import { createDrift, whileOpen } from './history/drift.ts'
import { createEpochs } from './history/epochs.ts'
import { createHistory } from './history/history.ts'
import { createLogs } from './history/logs.ts'
import { createPast } from './history/past.ts'
import { shareBarrier } from './history/shared-barrier.ts'
import { createSnapshots } from './history/snapshot.ts'
import { createLine } from './line.ts'
import { createMint } from './mint.ts'
import { createErasures } from './request/erasures.ts'
import { createPayloads } from './request/payload.ts'
import { createServing } from './serving.ts'
import { createKnowledge } from './state/knowledge.ts'
import { createLeases } from './state/leases.ts'
import { createQuotas } from './state/quotas.ts'
import { createMeasures } from './telemetry.ts'

export interface BrokerConfig {
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
  /** The folder for the snapshot of the ledger; without one every start reads all of it. */
  stateDir?: string
  /** How many requests that are over stay in memory; 10,000 when absent. */
  keptRequests?: number
  /** Preset: `held`. */
  policyChanges?: PolicyChanges
  /** On how many servers each entry has to be; 1 when absent. */
  replicas?: number
  /** How often the settings of the ledger's streams are compared with what they have to be. */
  driftMs?: number
  /** True for a demo, or where somebody answers for the server: otherwise one with known faults is refused. */
  anyServerVersion?: boolean
}

export interface BrokerDeps {
  nc: NatsConnection
  /** Another connection of the same role, for what agents call. */
  agents: NatsConnection
  identity: Identity
  now: () => number
  log: Log
  /** The ledger contradicts itself, or NATS is gone for good: this broker serves nobody any more. */
  onFailure(error: unknown): void
}

export interface Broker extends Component {
  /** Why it decides nothing now; undefined while it does. */
  whyNotReady(): string | undefined
}

const CATCH_UP_WITHIN_MS = 2_000

/** The authority: takes requests and reviews, decides once, issues warrants. All that it knows, the ledger says. */
export function createBroker(config: BrokerConfig, deps: BrokerDeps): Broker {
  const { origin, secret } = config
  const { heartbeatMs = 5_000, sweepMs = 1_000, checkpointMs = 1_000, maxPayloadBytes = 1_000_000 } = config
  const { nc, agents, identity, now, log } = deps
  let isCaughtUp = false
  let corruption: unknown

  const leases = createLeases({ leaseMs: 3 * heartbeatMs }, { now })
  const knowledge = createKnowledge(
    { keptRequests: config.keptRequests },
    { now, onFreeze: (change) => isCaughtUp && announceFreeze(context, change) },
  )
  const { requests, denials, freezes, newest, standings, directories, projections } = knowledge
  const notify = createNotify(nc)
  const measures = createMeasures()
  const logs = createLogs(
    { origin, key: config.checkpointKey, everyMs: checkpointMs },
    { nc, ledgerKeys: () => documents.keySet().document.keys, now, log },
  )
  const documents = createDocuments(
    { pin: config.pin },
    {
      nc,
      now,
      log,
      onChange: documentsChanged,
      onPeople: requests.peopleChanged,
      knownDirectory: directories.newest,
      policies: (trust) =>
        createAdoption(config.policyChanges ?? 'held', {
          trust,
          standing: standings.newest,
          context: () => context,
          onAdopted: documentsChanged,
          now,
          log,
        }),
    },
  )
  const drift = createDrift(
    {
      epochs: () => epochs.open(),
      replicas: config.replicas ?? 1,
      everyMs: config.driftMs ?? 2_000,
      anyServerVersion: config.anyServerVersion ?? false,
    },
    { nc, now, log, onOpen: documentsChanged },
  )
  const history = createHistory(
    {},
    {
      nc,
      log,
      begun: documents.epochs,
      projections,
      logs,
      snapshots:
        config.stateDir === undefined
          ? undefined
          : createSnapshots({ dir: config.stateDir, origin, secret }, { projections, log }),
      onRecord: ({ entry }) => {
        if (entry.type === 'policy') documents.policyRecorded()
        if (isCaughtUp && entry.type === 'erased') erasures.add(entry.requestId)
      },
      onCorrupt: (error) => {
        corruption = error
        void Promise.all([serving.stop(), sweeper.stop()])
        if (isCaughtUp) deps.onFailure(error)
      },
    },
  )
  const payloads = createPayloads(secret, { nc })
  const erasures = createErasures({ everyMs: sweepMs }, { nc, payloads, epochs: documents.epochs, log })
  const ledger = whileOpen(createLedgerWriter({ nc }), drift)
  const epochs = createEpochs(
    { everyMs: config.driftMs ?? 2_000 },
    {
      nc,
      begun: documents.epochs,
      history,
      logs,
      ledger,
      recordInForce: async (epoch) => {
        await recordPolicyInForce(context, epoch)
        await recordDirectory(context, epoch)
      },
      freezes: freezes.newest,
      now,
      log,
    },
  )
  const context: Context = {
    epoch: epochs.current,
    openEpochs: epochs.open,
    config: { origin, heartbeatMs, maxPayloadBytes, secret },
    ledger,
    assertOpen: drift.assertOpen,
    payloads,
    erasures,
    mint: createMint({ origin, key: config.warrantKey }),
    catchUp: shareBarrier(() => history.barrier(CATCH_UP_WITHIN_MS)),
    checkpoint: () => logs.of(epochs.current()).newest(),
    maxReplyBytes: () => nc.info?.max_payload ?? maxPayloadBytes,
    newest,
    requests,
    past: createPast({ nc }),
    knownDirectory: directories.newest,
    denials,
    freezes,
    quotas: createQuotas({ now }),
    documents,
    identity,
    leases,
    notify,
    measures,
    now,
    log,
  }
  const sweeper = createSweeper(sweepMs, context)
  const serving = createServing({ nc, agents }, context)

  function documentsChanged(): void {
    if (!isCaughtUp) return
    notify.trustChanged(leases.agents())
    void epochs.look()
  }

  /** Has done what a broker that died left undone, before anybody can ask. */
  const catchingUp: Component = {
    name: 'what was left undone',
    async start() {
      isCaughtUp = true
      await documents.judgePolicies()
      for (const change of freezes.current()) announceFreeze(context, change)
      await sweep(context)
      if (corruption) throw corruption
    },
    async stop() {},
  }
  const gauges = whileRunning('gauges of the broker', () =>
    measures.watch(() => ({
      pending: requests.pendingCount(),
      freezes: freezes.current().length,
      ledgerSize: logs.size(),
      uncoveredSinceMs: logs.uncoveredSinceMs(),
      nowMs: now(),
    })),
  )
  const announcements = createAnnouncements({ nc, requests, notify, now, log })
  const line = createLine({ nc, agents, leases, onFailure: deps.onFailure })
  function whyNotReady(): string | undefined {
    if (!isCaughtUp) return 'the ledger is being read'
    if (corruption) return 'the ledger contradicts itself'
    if (line.isDown()) return 'NATS cannot be reached'
    try {
      drift.assertOpen()
      return undefined
    } catch (error) {
      if (error instanceof HoldpointError) return error.message
      throw error
    }
  }
  const parts = [
    ...[documents, drift, history, epochs, catchingUp, logs, sweeper],
    ...[gauges, line, serving, announcements, erasures],
  ]
  return { ...composeComponents(parts, log, 'broker'), whyNotReady }
}
