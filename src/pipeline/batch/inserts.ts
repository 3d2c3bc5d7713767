import { digestBytes } from '#contract'
import type { FindingRow, RowBlock, Store } from '#store'
import type { Signal } from '../otlp/signal.ts'
import { logBlocks } from '../rows/logs.ts'
import { metricBlocks } from '../rows/metrics.ts'
import { traceBlocks } from '../rows/traces.ts'
import type { Measures } from '../telemetry.ts'
import type { Telemetry } from './prepare.ts'
import type { Step } from './steps.ts'

/** What resources say is said again of each of their spans, and in JSON a character may be six. */
const MAX_FINDINGS_CHARS = 16 * 1024 * 1024

/**
 * The inserts of a batch. The token of each says which block of the batch it is, so that it is stored once; and of how
 * many rows, so that nothing is lost where a pipeline of a version that cuts otherwise goes on with the batch.
 */
export function* rowInserts(
  token: string,
  { ranges, rewritten, logs, metrics }: Telemetry,
  { store, measures }: { store: Pick<Store, 'insertRows'>; measures: Pick<Measures, 'stored'> },
): Generator<Step> {
  yield* insertsOf('traces', traceBlocks(ranges, rewritten))
  yield* insertsOf('logs', logBlocks(logs))
  yield* insertsOf('metrics', metricBlocks(metrics))

  function* insertsOf(signal: Signal, blocks: Iterable<RowBlock>): Generator<Step> {
    let number = 0
    for (const block of blocks) {
      const own = `${token} ${block.table} ${number++} (${block.rows})`
      yield {
        bytes: block.data.length,
        async run() {
          await store.insertRows(block, own)
          measures.stored(signal, block.rows)
        },
      }
    }
  }
}

/**
 * Judged again, a batch may have other findings, and all of them count: which of two rows of one span stands is the
 * table's business. So their token depends on what they say, though not on when they were found.
 */
export function* findingInserts(
  token: string,
  findings: readonly FindingRow[],
  store: Pick<Store, 'insertFindings'>,
): Generator<Step> {
  for (let from = 0; from < findings.length; ) {
    const said: string[] = []
    let chars = 0
    for (const finding of findings.slice(from)) {
      const text = JSON.stringify({ ...finding, judged_at: 0 })
      if (chars > 0 && chars + text.length > MAX_FINDINGS_CHARS) break
      said.push(text)
      chars += text.length
    }
    const some = findings.slice(from, from + said.length)
    const own = `${token} findings ${from} ${digestBytes(said.join())}`
    yield { bytes: chars, run: () => store.insertFindings(some, own) }
    from += said.length
  }
}
