import { setImmediate as breathe } from 'node:timers/promises'
import type { FindingRow, Store } from '#store'
import { findingRowsOf } from '../findings.ts'
import type { Forward } from '../forward/forward.ts'
import type { Rewritten, TraceRanges } from '../otlp/ranges.ts'
import { scanTraces } from '../otlp/scan.ts'
import type { Batch, Piece, Signal } from '../otlp/signal.ts'
import { stripOurs } from '../otlp/strip.ts'
import type { Judged, JudgedPiece } from '../verification/judged.ts'
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
  /** How the names of attributes begin that are worth a look, for the scan. */
  tellingPrefixes(): readonly string[]
  judge(pieces: readonly JudgedPiece[]): Promise<Judged>
  rewrite(ranges: TraceRanges, judged: Judged): Rewritten
  store: Pick<Store, 'insertRows' | 'insertFindings'>
  /** Makes known what somebody has to look at; of what is known already, nothing. */
  announce(findings: readonly FindingRow[]): Promise<void>
  /** Telemetry goes to this Collector instead of into the store; findings are stored all the same. */
  forward?: Pick<Forward, 'send'> | undefined
  /** Spans, log records or data points were stored. */
  onStored(signal: Signal, items: number): void
  now: () => number
}

/**
 * Everything that becomes of a batch: scanned, judged, taken back what only the pipeline may say, made into rows or
 * into OTLP again, stored; then its findings, and last what of them is alarming. Alarms are known only once they can
 * be looked up, and the batch counts as stored only once they are known.
 */
export function createPreparer(deps: PreparerDeps): Preparer {
  async function prepareTraces(pieces: readonly Piece[]) {
    const scanned: JudgedPiece[] = []
    const telling = deps.tellingPrefixes()
    for (const { body, receivedAtMs } of pieces) {
      scanned.push({ ranges: scanTraces(body, telling), receivedAtMs })
      await breathe()
    }
    const judged = await deps.judge(scanned)
    const ranges = scanned.map((piece) => piece.ranges)
    const rewritten = ranges.map((one) => deps.rewrite(one, judged))
    return { ranges, rewritten, findings: findingRowsOf(judged, deps.now()) }
  }

  function* stepsOf(token: string, telemetry: Telemetry): Generator<Step> {
    const { store, forward, onStored, announce } = deps
    if (forward) yield* forwarding(telemetry, forward)
    else yield* rowInserts(token, telemetry, { store, onStored })
    yield* findingInserts(token, telemetry.findings, store)
    if (telemetry.findings.length > 0) yield { bytes: 0, run: () => announce(telemetry.findings) }
  }

  return {
    async prepare({ token, pieces }) {
      const of = (signal: Signal) => pieces.filter((piece) => piece.signal === signal)
      const stripped = (signal: 'logs' | 'metrics') => of(signal).map(({ body }) => stripOurs(signal, body))
      const telemetry: Telemetry = {
        ...(await prepareTraces(of('traces'))),
        logs: stripped('logs'),
        metrics: stripped('metrics'),
      }
      const steps = createSteps(stepsOf(token, telemetry))
      await steps.prepare()
      return { commit: steps.run }
    },
  }
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
