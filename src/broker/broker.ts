import { setTimeout } from 'node:timers/promises'
import type { NatsConnection, Subscription } from '@nats-io/transport-node'
import { HoldpointError, ledgerSubject, type PolicyEntry } from '#contract'
import type { Identity } from '#identity'
import { createLedgerTail } from '#ledger'
import { observesAnywhere } from '#policy'
import type { Component, Log } from '#runtime'
import type { PrivateKey } from '#warrant/issue'
import { cancel } from './calls/cancel.ts'
import { claim } from './calls/claim.ts'
import { consume } from './calls/consume.ts'
import { heartbeat } from './calls/heartbeat.ts'
import { hello } from './calls/hello.ts'
import { list } from './calls/list.ts'
import { outcome } from './calls/outcome.ts'
import { request } from './calls/request.ts'
import { review } from './calls/review.ts'
import { serveAgents, serveDesks } from './calls/serve.ts'
import { show } from './calls/show.ts'
import { createCheckpoints } from './checkpoints.ts'
import { createLedgerWriter } from './commit.ts'
import { type Context, createNotify } from './context.ts'
import { createDocuments } from './documents.ts'
import { createLeases } from './leases.ts'
import { createMint } from './mint.ts'
import { createPayloads } from './payload.ts'
import { createRequests } from './requests.ts'
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
}

const CATCH_UP_WITHIN_MS = 2_000
const DRAIN_WITHIN_MS = 2_000

/** The authority: takes requests and reviews, decides once, issues warrants. All that it knows, the ledger says. */
export function createBroker(config: BrokerConfig, deps: BrokerDeps): Component {
  const {
    epoch,
    origin,
    heartbeatMs = 5_000,
    sweepMs = 1_000,
    checkpointMs = 1_000,
    maxPayloadBytes = 1_000_000,
  } = config
  const { nc, identity, now, log } = deps
  const notify = createNotify(nc)
  const measures = createMeasures()
  const leases = createLeases({ leaseMs: 3 * heartbeatMs }, { now })
  const requests = createRequests()
  const checkpoints = createCheckpoints(
    { epoch, origin, key: config.checkpointKey, everyMs: checkpointMs },
    { nc, log },
  )
  const documents = createDocuments(
    { pin: config.pin },
    { nc, now, log, onChange: () => void documentsChanged(), newestPolicy: () => newestPolicy },
  )
  const context: Context = {
    config: { epoch, heartbeatMs, maxPayloadBytes, secret: config.secret },
    ledger: createLedgerWriter(epoch, { nc }),
    payloads: createPayloads(config.secret, { nc }),
    mint: createMint({ origin, key: config.warrantKey }),
    requests,
    documents,
    identity,
    leases,
    notify,
    measures,
    inFlight: new Set(),
    catchUp: () => tail.barrier(CATCH_UP_WITHIN_MS),
    now,
    log,
  }
  const tail = createLedgerTail(
    { epoch },
    {
      nc,
      onRecord: ({ index, entry, leafHash }) => {
        if (entry.type === 'policy') newestPolicy = Math.max(newestPolicy, entry.version)
        requests.apply(entry, { index, leafHash })
        checkpoints.append(Buffer.from(leafHash, 'base64'))
      },
      onCorrupt: (error) => {
        log.error('the ledger contradicts itself: nothing is decided any more', { error })
        corruption = error
        void close()
        void sweeper.stop()
      },
    },
  )
  const sweeper = createSweeper(sweepMs, context)
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
  let newestPolicy = 0
  let isCaughtUp = false
  let corruption: unknown
  let subscriptions: Subscription[] = []
  let unwatch = (): void => {}

  async function close(): Promise<void> {
    const open = subscriptions
    subscriptions = []
    const drained = Promise.allSettled(open.map((subscription) => subscription.drain()))
    // Over a line that is down nothing drains, and nobody waits for an answer.
    await Promise.race([drained, setTimeout(DRAIN_WITHIN_MS, undefined, { ref: false })])
    const answered = Promise.allSettled(context.inFlight)
    await Promise.race([answered, setTimeout(DRAIN_WITHIN_MS, undefined, { ref: false })])
  }

  /** While NATS is away no heartbeat can come: that is not the processes' silence. */
  async function followLine(): Promise<void> {
    for await (const { type } of nc.status()) {
      if (type === 'disconnect') leases.interrupted()
      if (type === 'reconnect') leases.resumed()
    }
    if (subscriptions.length > 0) log.error('the line to NATS is closed for good: this broker serves nobody')
  }

  return {
    name: 'broker',
    async start() {
      await documents.start()
      await tail.start()
      await tail.barrier(60_000)
      isCaughtUp = true
      await recordPolicy(context)
      // What a broker that died left undone is done before anybody can ask.
      await sweep(context)
      await sweeper.start()
      await checkpoints.start()
      void followLine()
      if (corruption) throw corruption
      unwatch = measures.watchPending(() => requests.pendingCount())
      subscriptions = [
        ...serveAgents(nc, { hello, request, claim, consume, outcome, cancel, heartbeat }, context),
        ...serveDesks(nc, { list, show, review }, context),
      ]
      await nc.flush()
    },
    async stop() {
      await close()
      unwatch()
      await sweeper.stop()
      await tail.stop()
      await checkpoints.stop()
      await documents.stop()
    },
  }
}

/** From this entry on, this policy ruled: what a verifier needs to judge by the policy of the time. */
async function recordPolicy({ documents, ledger, config, now, log }: Context): Promise<void> {
  if (!documents.hasPolicy())
    return log.warn('no policy has been published: everything is refused until one is')
  const { compiled, version } = documents.policy()
  const entry: PolicyEntry = {
    type: 'policy',
    at: now(),
    version,
    hash: compiled.hash,
    observes: observesAnywhere(compiled),
  }
  const { won, entry: recorded } = await ledger.commit(ledgerSubject.policy(config.epoch, version), entry)
  if (!won && recorded.hash !== compiled.hash)
    throw new HoldpointError('LEDGER_CORRUPT', `policy ${version} is in the ledger with another hash`)
}
