import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Collector, type CollectorOptions, startCollector } from '../support/collector/collector.ts'
import { type Installation, startInstallation } from '../support/collector/installation.ts'
import { generate, type Load } from '../support/collector/load.ts'
import { forwardTo, startClickHouse, type TestClickHouse } from '../support/collector/positions.ts'
import { findCollector } from '../support/collector/programs.ts'

describe.skipIf(findCollector() === undefined)('what is away for a while', () => {
  let clickhouse: TestClickHouse
  /** Acknowledges only what ClickHouse has. */
  let direct: Installation
  let dir: string
  const stops: (() => Promise<void>)[] = []
  const stopAll = async (): Promise<void> => {
    for (const stop of stops.splice(0).reverse()) await stop()
  }
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'holdpoint-faults-'))
    clickhouse = await startClickHouse()
    direct = await startInstallation({ ...clickhouse.holdpoint, HOLDPOINT_PIPELINE_MODE: 'direct' })
  })
  afterEach(async () => {
    clickhouse.set('open')
    await stopAll()
  })
  afterAll(async () => {
    await direct?.stop()
    await clickhouse?.stop()
    rmSync(dir, { recursive: true, force: true })
  })

  const holdpoint = async (env: Record<string, string>): Promise<Installation> => {
    const installation = await startInstallation({ ...clickhouse.holdpoint, ...env })
    stops.push(installation.stop)
    return installation
  }
  const collector = async (options: CollectorOptions): Promise<Collector> => {
    // Tests have no patience.
    const over = [...(options.over ?? []), 'exporters::otlp_http::retry_on_failure::max_interval: 1s']
    const started = await startCollector(options.config === 'before' ? { ...options, over } : options)
    stops.push(started.stop)
    return started
  }
  const before = (to: Installation, more: Partial<CollectorOptions> = {}): Promise<Collector> =>
    collector({ config: 'before', env: { HOLDPOINT_OTLP: to.otlp.http }, ...more })

  const load = (service: string, more: Partial<Load> = {}): Load => ({
    signal: 'traces',
    count: 100,
    over: 'grpc',
    service,
    ...more,
  })
  /** How many rows, and how many spans those are. */
  const stored = async (service: string): Promise<number[]> => {
    const [row] = await clickhouse.store.query<Record<'rows' | 'spans', number>>(
      'SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(TraceId, SpanId)) AS spans FROM otel_traces ' +
        'WHERE ServiceName = {service:String}',
      { service },
    )
    return [Number(row?.rows), Number(row?.spans)]
  }
  const comes = (service: string, spans: number) =>
    expect.poll(() => stored(service), { timeout: 30_000 }).toEqual([spans, spans])

  test('collector - ClickHouse is away and Holdpoint acknowledges nothing: the Collector tries again, and each span is there once', async () => {
    const entrance = await before(direct)
    clickhouse.set('shut')
    await generate(entrance, load('patient'))
    await entrance.said('Will retry the request after interval')
    expect(await stored('patient')).toEqual([0, 0])
    clickhouse.set('open')
    await comes('patient', 200)
    expect(entrance.log()).not.toContain('Dropping data')
  })

  test('collector - ClickHouse stores and its answers are lost: the batch that is sent again changes nothing', async () => {
    // One at a time: what is sent afterwards says that the first is over.
    const entrance = await before(direct, { over: ['exporters::otlp_http::sending_queue::num_consumers: 1'] })
    clickhouse.set('mute')
    await generate(entrance, load('answered twice'))
    await entrance.said('Will retry the request after interval')
    await comes('answered twice', 200)
    clickhouse.set('open')
    await generate(entrance, load('answered twice', { count: 1 }))
    await comes('answered twice', 202)
  })

  test('collector - ClickHouse is away and NATS buffers: senders notice nothing, and each span is there once', async () => {
    const entrance = await before(await holdpoint({}))
    clickhouse.set('shut')
    await generate(entrance, load('buffered'))
    await generate(entrance, load('buffered', { over: 'http' }))
    expect(await stored('buffered')).toEqual([0, 0])
    clickhouse.set('open')
    await comes('buffered', 400)
    expect(entrance.log()).not.toContain('retry')
  })

  test('collector - the one behind Holdpoint is away: Holdpoint keeps what is for it', async () => {
    const after = await collector(clickhouse.after)
    const entrance = await before(await holdpoint(forwardTo(after.http, dir)))
    await after.stop()
    await generate(entrance, load('away behind'))
    expect(await stored('away behind')).toEqual([0, 0])
    await collector({ ...clickhouse.after, at: after })
    await comes('away behind', 200)
  })

  test('collector - the one in front is killed with a full queue: what it has acknowledged comes once it is back', async () => {
    const queueDir = join(dir, 'queue')
    const entrance = await before(direct, { queueDir })
    clickhouse.set('shut')
    await generate(entrance, load('killed'))
    await entrance.stop('SIGKILL')
    clickhouse.set('open')
    await before(direct, { queueDir, at: entrance })
    await comes('killed', 200)
  })
})
