import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Collector, pki, startCollector, TOKEN } from '../support/collector/collector.ts'
import { type Installation, startInstallation } from '../support/collector/installation.ts'
import { generate } from '../support/collector/load.ts'
import { forwardTo } from '../support/collector/positions.ts'
import { findCollector } from '../support/collector/programs.ts'
import { LOGS, METRICS, TRACES } from '../support/collector/rich.ts'

const SIGNALS = ['traces', 'logs', 'metrics'] as const
const FILE_ONLY = SIGNALS.map((signal) => `service::pipelines::${signal}::exporters: [file]`)

describe.skipIf(findCollector() === undefined)('what passes through Holdpoint to a Collector', () => {
  let dir: string
  let through: Collector
  let beside: Collector
  let holdpoint: Installation
  let entrance: Collector
  const stops: (() => Promise<void>)[] = []
  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'holdpoint-passing-'))
    const toFile = (name: string) =>
      startCollector({
        config: 'after',
        env: {},
        over: [`exporters::file::path: ${join(dir, name)}`, ...FILE_ONLY],
      })
    through = await toFile('through')
    stops.push(through.stop)
    beside = await toFile('beside')
    stops.push(beside.stop)
    holdpoint = await startInstallation(forwardTo(through.http, dir))
    stops.push(holdpoint.stop)
    entrance = await startCollector({
      config: 'before',
      env: { HOLDPOINT_OTLP: holdpoint.otlp.http },
      over: [
        `exporters::otlp_http/beside::endpoint: ${beside.http}`,
        'exporters::otlp_http/beside::auth::authenticator: bearertokenauth',
        `exporters::otlp_http/beside::tls::ca_file: ${pki('authority.pem')}`,
        ...SIGNALS.map((signal) => `service::pipelines::${signal}::exporters: [otlp_http, otlp_http/beside]`),
      ],
    })
    stops.push(entrance.stop)
  })
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop()
    rmSync(dir, { recursive: true, force: true })
  })

  /** What a Collector has written, a request on each line. */
  const written = (name: string, key: string): unknown[] =>
    readFileSync(join(dir, name), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(`{"${key}"`))
      .map((line) => JSON.parse(line))

  test.each([
    ['traces', 'resourceSpans', TRACES],
    ['logs', 'resourceLogs', LOGS],
    ['metrics', 'resourceMetrics', METRICS],
  ])(
    'collector - %s arrive as they would without Holdpoint, to the last field',
    async (signal, key, request) => {
      const { status } = await fetch(`${entrance.http}/v1/${signal}`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(request),
      })
      expect(status).toBe(200)
      await expect.poll(() => written('beside', key), { timeout: 20_000 }).toHaveLength(1)
      await expect.poll(() => written('through', key), { timeout: 20_000 }).toHaveLength(1)
      expect(written('through', key)).toEqual(written('beside', key))
      // Nothing is missing on both ways.
      expect(JSON.stringify(written('through', key))).toContain('https://opentelemetry.io/schemas/1.30.0')
    },
  )
})

describe.skipIf(findCollector() === undefined)('compressions of the Collector’s exporters', () => {
  let holdpoint: Installation
  beforeAll(async () => {
    holdpoint = await startInstallation()
  })
  afterAll(() => holdpoint?.stop())

  const over = (kind: string, compression: string): string[] =>
    kind === 'otlp_http'
      ? [`exporters::otlp_http::compression: ${compression}`]
      : [
          `exporters::otlp_grpc::endpoint: ${holdpoint.otlp.grpc}`,
          `exporters::otlp_grpc::compression: ${compression}`,
          'exporters::otlp_grpc::tls::insecure: true',
          `exporters::otlp_grpc::headers::authorization: Bearer ${TOKEN}`,
          'service::pipelines::traces::exporters: [otlp_grpc]',
        ]
  const before = (kind: string, compression: string): Promise<Collector> =>
    startCollector({
      config: 'before',
      env: { HOLDPOINT_OTLP: holdpoint.otlp.http },
      over: over(kind, compression),
    })

  test.each([
    ['otlp_http', 'none'],
    ['otlp_http', 'gzip'],
    ['otlp_http', 'zstd'],
    ['otlp_http', 'deflate'],
    ['otlp_grpc', 'none'],
    ['otlp_grpc', 'gzip'],
    ['otlp_grpc', 'zstd'],
  ])('collector - %s with %s arrives', async (kind, compression) => {
    const collector = await before(kind, compression)
    try {
      const service = `${kind}-${compression}`
      await generate(collector, { signal: 'traces', count: 20, over: 'http', service })
      const count = async () => {
        const [row] = await holdpoint.query(
          `SELECT toUInt32(count()) AS n FROM otel_traces WHERE ServiceName = '${service}'`,
        )
        return Number(row?.n)
      }
      await expect.poll(count, { timeout: 20_000 }).toBe(40)
    } finally {
      await collector.stop()
    }
  })

  test.each([
    ['otlp_http', 'snappy', '415'],
    ['otlp_grpc', 'snappy', 'Unimplemented'],
  ])('collector - %s with %s is refused, and the Collector says so', async (kind, compression, answer) => {
    const collector = await before(kind, compression)
    try {
      await generate(collector, { signal: 'traces', count: 1, over: 'http', service: 'refused' })
      await collector.said('Exporting failed. Dropping data.')
      expect(collector.log()).toContain(answer)
    } finally {
      await collector.stop()
    }
  })
})
