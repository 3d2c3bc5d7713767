import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError } from '#contract'
import { type Component, composeComponents, type Log, whileRunning } from '#runtime'
import type { Store } from '#store'
import { createAccept, keepInBuffer, keepInStore } from './accept.ts'
import type { PreparerDeps } from './batch/prepare.ts'
import { createBuffer } from './buffer/buffer.ts'
import { createFindings } from './findings.ts'
import { createForward, type ForwardConfig } from './forward/forward.ts'
import { createReceivers, type ReceiversConfig } from './receive/receivers.ts'
import { createStoring } from './storing.ts'
import { createMeasures } from './telemetry.ts'
import { createVerification } from './verification/verification.ts'

export interface PipelineConfig extends Omit<ReceiversConfig, 'maxBodyBytes'> {
  /** Of a request's body, compressed and decompressed. Default 64 MiB. */
  maxBodyBytes?: number
  /** `ed25519:` and the organisation's public key: what policies must lead back to. */
  pin: string
  /** When a request is acknowledged: when NATS has it on disk, or when the store has it. */
  mode: 'buffered' | 'direct'
  /** What HP_TELEMETRY holds at most. */
  bufferBytes: number
  /** How many writers may store at the same time, over all pipelines. */
  lanes: number
  /** Where telemetry goes instead of into the store; findings and the ledger are stored all the same. */
  forward?: ForwardConfig | undefined
  /** How long a lane's cursor stands still before another pipeline goes on with it. Default 10 s. */
  takeoverMs?: number
}

export interface PipelineDeps {
  /** The ledger, trust and findings. Credentials of the role `pipeline` are enough. */
  nc: NatsConnection
  /** A line of its own for telemetry, so that a flood of it never delays the ledger. */
  telemetry: NatsConnection
  store: Pick<Store, 'insertRows' | 'insertFindings' | 'insertLedger' | 'query'>
  now: () => number
  log: Log
}

export interface Pipeline extends Component {
  httpPort(): number
  grpcPort(): number
  /** Why nothing can be accepted now; undefined while it can. */
  whyNotReady(): string | undefined
}

const MAX_BODY_BYTES = 64 * 1024 * 1024
/** What is in the buffer can wait for a ledger that cannot be read; whoever waits for an answer cannot. */
const LEDGER_WAIT_MS = { buffered: 60_000, direct: 0 } as const

/**
 * OTLP in; every approval claim checked against the ledger; rows out, or OTLP. What is acknowledged is durable, and is
 * stored once.
 */
export function createPipeline(config: PipelineConfig, deps: PipelineDeps): Pipeline {
  const { pin, mode, bufferBytes, lanes, takeoverMs, maxBodyBytes = MAX_BODY_BYTES } = config
  const { nc, telemetry, store, now, log } = deps
  const measures = createMeasures()
  const findings = createFindings({ nc, measures, log })
  const verification = createVerification(
    { pin, ledgerWaitMs: LEDGER_WAIT_MS[mode] },
    {
      nc,
      store: { ...store, query: (sql, params) => blamingNobody(() => store.query(sql, params)) },
      announce: findings.publish,
      now,
      log,
    },
  )
  const preparing: PreparerDeps = {
    verification,
    findings,
    store,
    forward: config.forward && createForward(config.forward, { now, log }),
    measures,
    now,
  }
  const storing = createStoring(preparing)
  // In direct mode, too: what was in the buffer before is stored, and what is taken out of the dead letters.
  const buffer = createBuffer(
    { bufferBytes, lanes, ...(takeoverMs === undefined ? {} : { takeoverMs }) },
    { nc: telemetry, storing, now, log },
  )
  const keep = mode === 'buffered' ? keepInBuffer(buffer) : keepInStore(storing(), { log })
  const accept = createAccept({ keep, maxPieceBytes: buffer.maxPieceBytes, onRejected: measures.rejected })
  const whyNotReady = mode === 'buffered' ? buffer.whyNotReady : () => undefined
  const receivers = createReceivers({ ...config, maxBodyBytes }, { accept, whyNotReady, now, log })
  const gauges = whileRunning('gauges of the ledger’s copy', () => measures.watch(verification))

  return {
    ...composeComponents([gauges, verification, buffer, receivers], log, 'pipeline'),
    httpPort: receivers.httpPort,
    grpcPort: receivers.grpcPort,
    whyNotReady,
  }
}

/** Nothing that is asked of the store is a batch's own fault. */
async function blamingNobody<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask()
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new HoldpointError('UNAVAILABLE', message, { cause: error, retryable: true })
  }
}
