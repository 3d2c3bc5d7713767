import type { NatsConnection } from '@nats-io/transport-node'
import { digestBytes, HoldpointError } from '#contract'
import { type Component, composeComponents, type Log, whileRunning } from '#runtime'
import type { Store } from '#store'
import { admit } from './admit.ts'
import { dropCoverUps, markReplays, readStanding } from './alarms.ts'
import { createEpochs } from './epochs.ts'
import { toFindingRows } from './verification/judge.ts'
import type { Accepted } from './http/answer.ts'
import { createReceiver } from './http/receiver.ts'
import { createLedgerWriter } from './ledger-writer.ts'
import type { ResourceSpans, Span } from './otlp/span.ts'
import { MAX_ROWS, toSpanRows } from './rows.ts'
import { createMeasures } from './telemetry.ts'
import { createTurns } from './turns.ts'
import { createJudge, type Judged } from './verification/judge.ts'
import { createLedgerView } from './verification/ledger-view.ts'
import { createPolicies } from './verification/policies.ts'
import { rewrite } from './verification/rewrite.ts'
import { createTrustDocuments } from './verification/trust-documents.ts'

export interface PipelineConfig {
  host: string
  /** For OTLP/HTTP: the first port to try, 4318 by convention; 0 for any. */
  port: number
  /** Of a request's body, compressed and decompressed. Default 64 MiB. */
  maxBodyBytes?: number
  /** `ed25519:` and the organisation's public key: what policies must lead back to. */
  pin: string
}

export interface PipelineDeps {
  /** Credentials that can only read the ledger and the trust stream are enough. */
  nc: NatsConnection
  store: Pick<Store, 'insertSpans' | 'insertFindings' | 'insertLedger' | 'query'>
  now: () => number
  log: Log
}

const MAX_BODY_BYTES = 64 * 1024 * 1024

/** OTLP in; every approval claim checked against the ledger; rows out. Acknowledged is what is stored. */
export function createPipeline(config: PipelineConfig, deps: PipelineDeps): Component & { port(): number } {
  const { nc, store, now, log } = deps
  const { host, port, pin, maxBodyBytes = MAX_BODY_BYTES } = config
  const view = createLedgerView()
  const writer = createLedgerWriter({ store, log })
  const measures = createMeasures()
  const inTurn = createTurns()

  const documents = createTrustDocuments({ pin }, { nc })
  const epochs = createEpochs({
    nc,
    documents,
    now,
    log,
    onRecord(record) {
      view.apply(record.entry)
      writer.add(record)
    },
    // Spans are stored all the same; without a ledger to compare with, every action is unverifiable.
    onCorrupt: (error) => log.error('the ledger cannot be followed any more', { error }),
  })
  const policies = createPolicies({ documents, now, log })
  const judge = createJudge({ view, barrier: epochs.barrier, policies, now, log })

  async function accept({ spans, body }: { spans: ResourceSpans[]; body: Uint8Array }): Promise<Accepted> {
    const { admitted, spans: count, rejectedSpans, errorMessage } = admit(spans)
    const judged = await judge(admitted)
    // A batch that is sent again has the same body, and is stored once.
    const token = digestBytes(body)
    // One after the other: a harmless span that is judged while the alarm of another one with its ids is being
    // written would take its place.
    if (judged.size === 0) await stored(() => insertBatch(admitted, judged, token))
    else await inTurn(() => stored(() => insertBatch(admitted, judged, token)))
    for (const { verdict } of judged.values()) measures.verdict(verdict.verification)
    measures.batch(count, rejectedSpans)
    return { rejectedSpans, errorMessage }
  }

  async function insertBatch(
    admitted: ResourceSpans[],
    judged: Map<Span, Judged>,
    token: string,
  ): Promise<void> {
    const standing = await readStanding(judged.values(), store)
    markReplays(judged, standing)
    const findings = dropCoverUps(toFindingRows(admitted, judged, now()), standing)
    rewrite(admitted, judged, view)
    let part = 0
    for (const rows of toSpanRows(admitted)) await store.insertSpans(rows, tokenOf(token, part++))
    for (let from = 0; from < findings.length; from += MAX_ROWS)
      await store.insertFindings(findings.slice(from, from + MAX_ROWS), tokenOf(token, from / MAX_ROWS))
  }

  /** Whatever keeps the store from storing is no fault of the sender's: it may send the batch again. */
  async function stored(insert: () => Promise<void>): Promise<void> {
    try {
      await insert()
    } catch (cause) {
      log.error('a batch could not be stored', { error: cause })
      throw new HoldpointError('UNAVAILABLE', 'the store does not take the batch now', {
        cause,
        retryable: true,
      })
    }
  }

  const receiver = createReceiver({ host, port, maxBodyBytes }, { accept, log })
  const gauge = whileRunning('gauge of waiting entries', () => measures.watchWaiting(writer.waiting))
  const parts = composeComponents([gauge, writer, epochs, receiver], log, 'pipeline')
  return { ...parts, port: () => receiver.port() }
}

const tokenOf = (token: string, part: number): string => (part === 0 ? token : `${token} part ${part}`)
