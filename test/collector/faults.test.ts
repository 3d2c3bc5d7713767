import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Collector, type CollectorOptions, startCollector } from '../support/collector/collector.ts'
import { type Installation, startInstallation } from '../support/collector/installation.ts'
import { generate, type Load } from '../support/collector/load.ts'
import { forwardTo, startClickHouse, type TestClickHouse } from '../support/collector/positions.ts'
import { findCollector } from '../support/collector/programs.ts'

const WITHIN = { timeout: 30_000 }

describe.skipIf(findCollector() === undefined)('what is away for a while', () => {
  let clickhouse: TestClickHouse
  let stops: (() => Promise<void>)[]
  let dir: string
  beforeEach(async () => {
    stops = []
    dir = mkdtempSync(join(tmpdir(), 'holdpoint-faults-'))
    clickhouse = await startClickHouse()
    stops.push(clickhouse.stop)
  })
  afterEach(async () => {
    for (const stop of stops.reverse()) await stop()
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

  const load = (more: Partial<Load> = {}): Load => ({
    signal: 'traces',
    count: 100,
    over: 'grpc',
    service: 'patient',
    ...more,
  })
  const stored = async (): Promise<number[]> => {
    const [row] = await clickhouse.store.query<Record<'rows' | 'spans', number>>(
      'SELECT toUInt32(count()) AS rows, toUInt32(uniqExact(TraceId, SpanId)) AS spans FROM otel_traces',
    )
    return [Number(row?.rows), Number(row?.spans)]
  }

  test('collector - ClickHouse is away and Holdpoint acknowledges nothing: the Collector tries again, and each span is there once', async () => {
    const entrance = await before(await holdpoint({ HOLDPOINT_PIPELINE_MODE: 'direct' }))
    clickhouse.set('shut')
    await generate(entrance, load())
    await entrance.said('Will retry the request after interval')
    expect(await stored()).toEqual([0, 0])
    clickhouse.set('open')
    await expect.poll(stored, WITHIN).toEqual([200, 200])
    expect(entrance.log()).not.toContain('Dropping data')
  })

  test('collector - ClickHouse stores and its answers are lost: the batch that is sent again changes nothing', async () => {
    const entrance = await before(await holdpoint({ HOLDPOINT_PIPELINE_MODE: 'direct' }))
    clickhouse.set('mute')
    await generate(entrance, load())
    await entrance.said('Will retry the request after interval')
    await expect.poll(stored, WITHIN).toEqual([200, 200])
    clickhouse.set('open')
    await generate(entrance, load({ count: 1 }))
    await expect.poll(stored, WITHIN).toEqual([202, 202])
  })

  test('collector - ClickHouse is away and NATS buffers: senders notice nothing, and each span is there once', async () => {
    const entrance = await before(await holdpoint({}))
    clickhouse.set('shut')
    await generate(entrance, load())
    await generate(entrance, load({ over: 'http' }))
    expect(await stored()).toEqual([0, 0])
    clickhouse.set('open')
    await expect.poll(stored, WITHIN).toEqual([400, 400])
    expect(entrance.log()).not.toContain('retry')
  })

  test('collector - the one behind Holdpoint is away: Holdpoint keeps what is for it', async () => {
    const after = await collector(clickhouse.after)
    const entrance = await before(await holdpoint(forwardTo(after.http, dir)))
    await after.stop()
    await generate(entrance, load())
    expect(await stored()).toEqual([0, 0])
    await collector({ ...clickhouse.after, at: after })
    await expect.poll(stored, WITHIN).toEqual([200, 200])
  })

  test('collector - the one in front is killed with a full queue: what it has acknowledged comes once it is back', async () => {
    const installation = await holdpoint({ HOLDPOINT_PIPELINE_MODE: 'direct' })
    const queueDir = join(dir, 'queue')
    const entrance = await before(installation, { queueDir })
    clickhouse.set('shut')
    await generate(entrance, load())
    await entrance.stop('SIGKILL')
    clickhouse.set('open')
    await before(installation, { queueDir, at: entrance })
    await expect.poll(stored, WITHIN).toEqual([200, 200])
  })
})
