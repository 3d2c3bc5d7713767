import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HoldpointError } from '#contract'
import { createStore, type FindingRow, type Store } from '#store'
import { createPreparer, type PreparerDeps } from '../../../src/pipeline/batch/prepare.ts'
import { createForward } from '../../../src/pipeline/forward/forward.ts'
import { scanTraces } from '../../../src/pipeline/otlp/scan.ts'
import { type RunningEngine, startEngine } from '../../store/engine-fixture.ts'
import { createFakeLog } from '../../support/log.ts'
import { aSpan, encodeProtobuf } from '../encode.ts'
import { type Edge, startEdge } from '../forward/edge.ts'
import { always, PIECES } from './preparing.ts'

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

const TABLES = [
  'otel_traces',
  'otel_traces_trace_id_ts',
  'otel_logs',
  'otel_metrics_gauge',
  'otel_metrics_sum',
  'holdpoint_findings',
]
const ALL_ONCE = [2, 1, 1, 1, 1, 1]
beforeEach(async () => {
  for (const table of TABLES) await store.query(`TRUNCATE TABLE ${table}`)
})
const counts = async (): Promise<number[]> => {
  const [row = {}] = await store.query<Record<string, number>>(
    `SELECT ${TABLES.map((table) => `(SELECT count() FROM ${table}) AS ${table}`)}`,
  )
  return TABLES.map((table) => row[table] ?? -1)
}

let batches = 0
const batch = (token = `batch ${batches++}`) => ({ token, pieces: [...PIECES] })

interface Scene {
  deps: PreparerDeps
  published: FindingRow[]
  stored: [string, number][]
}
function sceneOf(over: Partial<PreparerDeps> = {}): Scene {
  const published: FindingRow[] = []
  const stored: [string, number][] = []
  const deps: PreparerDeps = {
    verification: always('missing', 'ran without a decision'),
    findings: { publish: async (rows) => void published.push(...rows) },
    store,
    measures: { stored: (signal, items) => void stored.push([signal, items]) },
    now: () => 1_790_000_005_000,
    ...over,
  }
  return { deps, published, stored }
}
const away = () => new HoldpointError('UNAVAILABLE', 'away', { retryable: true })

/** The store, whose write number `fatal` fails: before it has happened, or after. */
function failing(fatal: number, when: 'before' | 'after'): Pick<Store, 'insertRows' | 'insertFindings'> {
  let writes = 0
  async function maybe(write: () => Promise<void>): Promise<void> {
    const fails = writes++ === fatal
    if (fails && when === 'before') throw away()
    await write()
    if (fails) throw away()
  }
  return {
    insertRows: (block, token) => maybe(() => store.insertRows(block, token)),
    insertFindings: (rows, token) => maybe(() => store.insertFindings(rows, token)),
  }
}

describe('a batch', () => {
  it('batch - all its signals are stored and counted, and its findings are told', async () => {
    const { deps, published, stored } = sceneOf()
    const prepared = await createPreparer(deps).prepare(batch())
    expect(await counts()).toEqual([0, 0, 0, 0, 0, 0])
    await prepared.commit()
    expect(await counts()).toEqual(ALL_ONCE)
    expect(stored).toEqual([
      ['traces', 2],
      ['logs', 1],
      ['metrics', 1],
      ['metrics', 1],
    ])
    expect(published.map(({ verification, span_id }) => [verification, span_id])).toEqual([
      ['missing', 'c'.repeat(16)],
    ])
  })

  it('batch - what only the pipeline may say is taken back from every signal', async () => {
    await (await createPreparer(sceneOf().deps).prepare(batch())).commit()
    expect(
      await store.query(
        `SELECT SpanName, SpanAttributes['holdpoint.verification'] AS verdict FROM otel_traces ORDER BY SpanName`,
      ),
    ).toEqual([
      { SpanName: 'GET /', verdict: '' },
      { SpanName: 'execute_tool grant_role', verdict: 'missing' },
    ])
    expect(await store.query('SELECT LogAttributes FROM otel_logs')).toEqual([{ LogAttributes: {} }])
  })

  it('batch - stored again, by this process or another, it changes nothing in any table', async () => {
    const one = batch()
    const { deps } = sceneOf()
    const prepared = await createPreparer(deps).prepare(one)
    await prepared.commit()
    await prepared.commit()
    for (const nowMs of [1_790_000_006_000, 1_790_000_007_000])
      await (await createPreparer({ ...deps, now: () => nowMs }).prepare(one)).commit()
    expect(await counts()).toEqual(ALL_ONCE)
  })

  it('batch - judged otherwise by another process, it has both findings, and its rows as they were', async () => {
    const one = batch()
    await (await createPreparer(sceneOf().deps).prepare(one)).commit()
    const other = sceneOf({ verification: always('unverifiable', 'the ledger cannot be read') })
    await (await createPreparer(other.deps).prepare(one)).commit()
    expect((await counts()).slice(0, 5)).toEqual(ALL_ONCE.slice(0, 5))
    const rows = await store.query('SELECT verification FROM holdpoint_findings ORDER BY verification')
    expect(rows).toContainEqual({ verification: 'missing' })
    expect(other.published.map(({ verification }) => verification)).toEqual(['unverifiable'])
  })
})

describe('a batch of which a write fails', () => {
  const writes = [0, 2, 4]
  const cases = writes.flatMap((write) => [[write, 'before'] as const, [write, 'after'] as const])

  it.each(cases)(
    'batch - write %i fails %s it has happened: tried again, everything is there once',
    async (write, when) => {
      const { deps, published } = sceneOf({ store: failing(write, when) })
      const prepared = await createPreparer(deps).prepare(batch())
      await expect(prepared.commit()).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
      expect(published).toEqual([])
      await prepared.commit()
      expect(await counts()).toEqual(ALL_ONCE)
      expect(published.length).toBe(1)
    },
  )

  it.each(cases)(
    'batch - write %i fails %s it has happened: another process stores what is missing',
    async (write, when) => {
      const one = batch()
      const prepared = await createPreparer(sceneOf({ store: failing(write, when) }).deps).prepare(one)
      await expect(prepared.commit()).rejects.toThrow('away')
      const other = sceneOf()
      await (await createPreparer(other.deps).prepare(one)).commit()
      expect(await counts()).toEqual(ALL_ONCE)
      expect(other.published.length).toBe(1)
    },
  )

  it('batch - findings that nobody can be told of keep it from being done, and can be looked up by then', async () => {
    let told = 0
    const publish = async () => {
      expect((await counts()).at(-1)).toBe(1)
      if (told++ === 0) throw away()
    }
    const prepared = await createPreparer(sceneOf({ findings: { publish } }).deps).prepare(batch())
    await expect(prepared.commit()).rejects.toThrow('away')
    await prepared.commit()
    expect(told).toBe(2)
  })

  it.each(['traces', 'logs', 'metrics'] as const)(
    'batch - %s that are none are refused before anything is stored',
    async (signal) => {
      const bad = { signal, receivedAtMs: 0, body: Uint8Array.of(10, 9, 1) }
      const preparing = createPreparer(sceneOf().deps).prepare({ token: 'bad', pieces: [...PIECES, bad] })
      await expect(preparing).rejects.toMatchObject({ code: 'INVALID_INPUT', retryable: false })
      expect(await counts()).toEqual([0, 0, 0, 0, 0, 0])
    },
  )

  it('batch - a resource that unfolds is made while it is stored, and again no further than it came', async () => {
    const spans = Array.from({ length: 100 }, (_, at) =>
      aSpan({ spanId: (at + 1).toString(16).padStart(16, '0') }),
    )
    const body = encodeProtobuf({ resource: { big: 'x'.repeat(2 ** 20) }, spans })
    const tokens: string[] = []
    let fails = true
    const insertRows: Store['insertRows'] = async ({ rows }, token) => {
      if (fails && tokens.length === 2) {
        fails = false
        throw away()
      }
      expect(rows).toBeLessThanOrEqual(32)
      tokens.push(token)
    }
    const { deps } = sceneOf({ store: { ...store, insertRows } })
    const pieces = [{ signal: 'traces', body, receivedAtMs: 0 } as const]
    const prepared = await createPreparer(deps).prepare({ token: 'big', pieces })
    await expect(prepared.commit()).rejects.toThrow('away')
    await prepared.commit()
    // A version that cuts otherwise must not have its block taken for one that has fewer rows.
    expect(tokens).toEqual([32, 32, 32, 4].map((rows, at) => `big otel_traces ${at} (${rows})`))
  })
})

describe('a batch that is forwarded', () => {
  let edge: Edge
  beforeEach(async () => {
    edge = await startEdge()
    return () => edge.stop()
  })
  const forwarding = (): Scene =>
    sceneOf({
      forward: createForward({ url: edge.url }, { now: () => 0, log: createFakeLog() }),
    })

  it('batch - its telemetry goes to the Collector as it came, but for what was taken back; its findings are stored', async () => {
    const { deps, published } = forwarding()
    await (await createPreparer(deps).prepare(batch())).commit()
    expect(edge.received.map(({ path }) => path)).toEqual(['/v1/traces', '/v1/logs', '/v1/metrics'])
    const [traces, logs, metrics] = edge.received.map(({ body }) => body)
    const names = scanTraces(traces ?? new Uint8Array(), []).resources[0]?.scopes[0]?.spans.length
    expect(names).toBe(2)
    expect(traces?.includes('missing')).toBe(true)
    expect(traces?.includes('verified')).toBe(false)
    expect(logs?.includes('holdpoint.verification')).toBe(false)
    expect(metrics).toEqual(Buffer.from(PIECES[2].body))
    expect(await counts()).toEqual([0, 0, 0, 0, 0, 1])
    expect(published.length).toBe(1)
  })

  it('batch - small pieces go together, and what the Collector has taken is not sent again', async () => {
    const { deps } = forwarding()
    let answers = 0
    edge.answers((response) => {
      const isFirstLogs = answers++ === 1
      response.writeHead(isFirstLogs ? 503 : 200, { 'Content-Type': 'application/x-protobuf' }).end()
    })
    const [traces, logs] = PIECES
    const prepared = await createPreparer(deps).prepare({
      token: 'small',
      pieces: [traces, traces, logs, logs],
    })
    await expect(prepared.commit()).rejects.toMatchObject({ retryable: true })
    await prepared.commit()
    expect(edge.received.map(({ path }) => path)).toEqual(['/v1/traces', '/v1/logs', '/v1/logs'])
    expect(scanTraces(edge.received[0]?.body ?? new Uint8Array(), []).resources.length).toBe(2)
  })
})

it('prepare - what findings say of ten thousand spans fits into no string: it is stored in parts of some megabytes', async () => {
  const spans = Array.from({ length: 2_000 }, (_, no) =>
    aSpan({ name: 'execute_tool x', spanId: (no + 1).toString(16).padStart(16, '0') }),
  )
  const parts: (readonly FindingRow[])[] = []
  const { deps } = sceneOf({
    verification: always('missing', '\u0001'.repeat(4_000)),
    store: { insertRows: async () => {}, insertFindings: async (rows) => void parts.push(rows) },
  })
  const pieces = [{ signal: 'traces', receivedAtMs: 0, body: encodeProtobuf({ spans }) }] as const
  const prepared = await createPreparer(deps).prepare({ token: 'much to say', pieces: [...pieces] })
  await prepared.commit()
  for (const part of parts) expect(JSON.stringify(part).length).toBeLessThan(17 * 2 ** 20)
  expect(parts.flat().map(({ span_id }) => span_id)).toEqual(spans.map(({ spanId }) => spanId))
})
