import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createStore, type Store } from '#store'
import { scanTraces } from '../../../src/pipeline/otlp/scan.ts'
import { traceBlocks } from '../../../src/pipeline/rows/traces.ts'
import { type RunningEngine, startEngine } from '../../store/engine-fixture.ts'
import { EVERYTHING } from '../decoded.ts'
import { aSpan, encodeProtobuf } from '../encode.ts'
import { expectedRows, READ_TRACES } from './expected.ts'
import { anyTraces } from './random-spans.ts'

let running: RunningEngine
let store: Store
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  store = createStore(running.engine.writer)
  await store.migrate()
})
afterAll(async () => {
  await store.close()
  await running.stop()
})
beforeEach(async () => {
  await store.query('TRUNCATE TABLE otel_traces')
})

let batches = 0
async function insert(...bodies: Uint8Array[]): Promise<void> {
  const ranges = bodies.map((body) => scanTraces(body, []))
  const nothing = { spans: new Map(), resources: new Map() }
  for (const block of traceBlocks(
    ranges,
    ranges.map(() => nothing),
  ))
    await store.insertRows(block, `batch ${batches++}`)
}
const sorted = (rows: unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort()
const read = async (): Promise<string[]> => sorted(await store.query(READ_TRACES))

describe('otel_traces', () => {
  it('rows - every column of a span that has everything is read back as it was sent', async () => {
    const body = encodeProtobuf(EVERYTHING)
    await insert(body)
    expect(await read()).toEqual(sorted(expectedRows(body)))
    const [row] = await store.query(READ_TRACES)
    expect(row).toMatchObject({
      Timestamp: '1763000000123456789',
      TraceId: '0af7651916cd43dd8448eb211c80319c',
      ParentSpanId: '00f067aa0ba902b7',
      SpanKind: 'Internal',
      ServiceName: 'support-agent',
      ResourceAttributes: { 'process.pid': '42', 'service.name': 'support-agent' },
      SpanAttributes: { blob: 'AP8B', list: '["a",1,[true]]', share: '0.1', text: 'Grüße 🦊', yes: 'true' },
      Duration: '1500000',
      StatusCode: 'Error',
      StatusMessage: 'failed',
      'Events.Name': ['exception'],
      'Events.Attributes': [{ 'exception.type': 'Error' }],
    })
  })

  it('rows - random spans are read back as they were sent', async () => {
    const bodies = fc.sample(anyTraces, { numRuns: 150, seed: 7 })
    await insert(...bodies)
    const expected = sorted(bodies.flatMap(expectedRows))
    expect(expected.length).toBeGreaterThan(100)
    expect(await read()).toEqual(expected)
  })

  it('rows - spans of 60 days, mixed, are all stored', async () => {
    const spans = Array.from({ length: 60 }, (_, index) =>
      aSpan({ startNs: BigInt(15_000 + ((index * 7) % 60)) * 86_400_000_000_000n, endNs: 0n }),
    )
    await insert(encodeProtobuf({ spans }))
    expect(await store.query('SELECT count() AS n FROM otel_traces')).toEqual([{ n: 60 }])
  })

  it('rows - a batch under its token again changes nothing, in the view neither', async () => {
    const ranges = scanTraces(encodeProtobuf(EVERYTHING), [])
    const count = async (table: string): Promise<unknown> =>
      (await store.query<{ n: number }>(`SELECT count() AS n FROM ${table}`))[0]?.n
    const before = await count('otel_traces_trace_id_ts')
    for (let time = 0; time < 3; time++)
      for (const block of traceBlocks([ranges], [{ spans: new Map(), resources: new Map() }]))
        await store.insertRows(block, 'one and the same')
    expect(await count('otel_traces')).toBe(1)
    expect(await count('otel_traces_trace_id_ts')).toBe(Number(before) + 1)
  })
})
