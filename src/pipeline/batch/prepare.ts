import { setImmediate as breathe } from 'node:timers/promises'
import type { FindingRow, Store } from '#store'
import { type Findings, findingRowsOf } from '../findings.ts'
import type { Forward } from '../forward/forward.ts'
import { withoutAhead } from '../otlp/ahead.ts'
import type { Rewritten, TraceRanges } from '../otlp/ranges.ts'
import { scanTraces } from '../otlp/scan.ts'
import type { Batch, Piece, Signal } from '../otlp/signal.ts'
import { stripOurs } from '../otlp/strip.ts'
import type { Measures } from '../telemetry.ts'
import type { SpanVerification } from '../verification/verification.ts'
import { forwarding } from './forwarding.ts'
import { findingInserts, rowInserts } from './inserts.ts'
import { createSteps, type Step } from './steps.ts'

/** A batch that is judged and encoded. */
export interface Prepared {
  /**
   * Stores it and makes its alarms known. May be called again, after an error or in another process: what is stored
   * already stays as it is. Throws HoldpointError: `retryable` means the same batch may be stored later, any other
   * that it never will be as it is.
   */
  commit(): Promise<void>
}

export interface Preparer {
  /** Throws as `commit` does. */
  prepare(batch: Batch): Promise<Prepared>
}

export interface PreparerDeps {
  verification: Pick<SpanVerification, 'tellingPrefixes' | 'judge' | 'rewrite'>
  findings: Pick<Findings, 'publish'>
  store: Pick<Store, 'insertRows' | 'insertFindings'>
  /** Telemetry goes to this Collector instead of into the store; findings are stored all the same. */
  forward?: Pick<Forward, 'send'> | undefined
  measures: Pick<Measures, 'stored'>
  now: () => number
}

/**
 * Everything that becomes of a batch: scanned, judged, taken back what only the pipeline may say, made into rows or
 * into OTLP again, stored; then its findings, and last what of them is alarming. Alarms are known only once they can
 * be looked up, and the batch counts as stored only once they are known.
 */
export function createPreparer(deps: PreparerDeps): Preparer {
  const { verification, findings, store, forward, measures, now } = deps

  async function prepareTraces(pieces: readonly Piece[]) {
    const telling = verification.tellingPrefixes()
    const scanned = await eachOf(pieces, ({ body, receivedAtMs }) => ({
      ranges: scanTraces(body, telling),
      receivedAtMs,
    }))
    const judged = await verification.judge(scanned)
    const ranges = scanned.map((piece) => piece.ranges)
    const rewritten = ranges.map((one) => verification.rewrite(one, judged))
    return { ranges, rewritten, findings: findingRowsOf(judged, now()) }
  }

  function* stepsOf(token: string, telemetry: Telemetry): Generator<Step> {
    if (forward) yield* forwarding(telemetry, forward)
    else yield* rowInserts(token, telemetry, { store, measures })
    yield* findingInserts(token, telemetry.findings, store)
    if (telemetry.findings.length > 0) yield { bytes: 0, run: () => findings.publish(telemetry.findings) }
  }

  return {
    async prepare({ token, pieces }) {
      const of = (signal: Signal) => pieces.filter((piece) => piece.signal === signal)
      const stripped = (signal: 'logs' | 'metrics') =>
        eachOf(of(signal), ({ body, receivedAtMs }) => {
          const plain = stripOurs(signal, body)
          return signal === 'metrics' ? withoutAhead(plain, receivedAtMs) : plain
        })
      const telemetry: Telemetry = {
        ...(await prepareTraces(of('traces'))),
        logs: await stripped('logs'),
        metrics: await stripped('metrics'),
      }
      const steps = createSteps(stepsOf(token, telemetry))
      await steps.prepare()
      return { commit: steps.run }
    },
  }
}

const BYTES_AT_ONCE = 1024 * 1024

/** One after the other, and something else in between: the same process receives, and follows the ledger. */
async function eachOf<T>(pieces: readonly Piece[], work: (piece: Piece) => T): Promise<T[]> {
  const results: T[] = []
  let bytes = 0
  for (const piece of pieces) {
    results.push(work(piece))
    bytes += piece.body.length
    if (bytes < BYTES_AT_ONCE) continue
    await breathe()
    bytes = 0
  }
  return results
}

/** What a batch consists of, ready to be written. */
export interface Telemetry {
  ranges: readonly TraceRanges[]
  /** Of each of `ranges`, under the same index. */
  rewritten: readonly Rewritten[]
  /** Export requests. */
  logs: readonly Uint8Array[]
  metrics: readonly Uint8Array[]
  findings: readonly FindingRow[]
}
