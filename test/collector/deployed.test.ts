import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endOf } from '../support/broker-process.ts'
import { pki, startCollector, TOKEN } from '../support/collector/collector.ts'
import { type Installation, startInstallation } from '../support/collector/installation.ts'
import { generate } from '../support/collector/load.ts'
import { forwardTo, startClickHouse, type TestClickHouse } from '../support/collector/positions.ts'
import { findCollector } from '../support/collector/programs.ts'
import { parsePrometheus, sampleValue } from '../support/metrics/parse.ts'
import { startProgram } from '../support/program.ts'

const ROOT = resolve(import.meta.dirname, '../..')

describe.skipIf(findCollector() === undefined)(
  '`holdpoint pipeline` with the settings of deploy/, over TLS',
  () => {
    let house: Installation
    let clickhouse: TestClickHouse
    let dir: string
    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'holdpoint-deployed-'))
      clickhouse = await startClickHouse()
      house = await startInstallation()
    })
    afterAll(async () => {
      await house?.stop()
      await clickhouse?.stop()
      rmSync(dir, { recursive: true, force: true })
    })

    /** The settings, with addresses, names and files of this machine instead of those of a cluster. */
    async function startPipeline(settings: string, more: Record<string, string> = {}) {
      writeFileSync(join(dir, 'tokens'), `${TOKEN}\n`)
      const pipeline = startProgram('src/main/holdpoint.ts', ['pipeline'], {
        // No data folder is here: the pin and the credentials are all that it gets.
        cwd: dir,
        env: {
          HOLDPOINT_CONFIG: join(ROOT, 'deploy/pipeline', settings),
          HOLDPOINT_PIN: house.pin,
          HOLDPOINT_NATS_URL: house.nats,
          HOLDPOINT_NATS_CREDENTIALS: house.file('credentials/pipeline.creds'),
          HOLDPOINT_PIPELINE_HOST: '127.0.0.1',
          HOLDPOINT_PIPELINE_PORT: '0',
          HOLDPOINT_PIPELINE_GRPC_PORT: '0',
          HOLDPOINT_METRICS_PORT: '0',
          HOLDPOINT_PIPELINE_TLS_CERT: pki('server.pem'),
          HOLDPOINT_PIPELINE_TLS_KEY: pki('server.key'),
          HOLDPOINT_PIPELINE_TOKENS: join(dir, 'tokens'),
          NODE_EXTRA_CA_CERTS: pki('authority.pem'),
          // The house's own pipeline would store what is in their common buffer.
          HOLDPOINT_PIPELINE_MODE: 'direct',
          ...clickhouse.holdpoint,
          ...more,
        },
      })
      await pipeline.said('the pipeline is ready')
      const logged = (text: string): Record<string, string> =>
        JSON.parse(
          pipeline
            .stderr()
            .split('\n')
            .find((line) => line.includes(text)) ?? '',
        )
      const { port } = logged('the pipeline is ready')
      const { url: metricsUrl = '' } = logged('metrics can be read')
      return { url: `https://localhost:${port}`, metricsUrl, stop: () => endOf(pipeline.child) }
    }

    const stored = async (service: string): Promise<number> => {
      const [row] = await clickhouse.store.query<{ n: number }>(
        'SELECT toUInt32(count()) AS n FROM otel_traces WHERE ServiceName = {service:String}',
        { service },
      )
      return Number(row?.n)
    }

    test('collector - behind-a-collector.yaml: what the Collector in front sends is stored', async () => {
      const pipeline = await startPipeline('behind-a-collector.yaml')
      const before = await startCollector({
        config: 'before',
        env: { HOLDPOINT_OTLP: pipeline.url, HOLDPOINT_CA_FILE: pki('authority.pem') },
      })
      await generate(before, { signal: 'traces', count: 10, over: 'grpc', service: 'behind' })
      await expect.poll(() => stored('behind'), { timeout: 20_000 }).toBe(20)
      const told = parsePrometheus(await (await fetch(pipeline.metricsUrl)).text())
      expect(sampleValue(told, 'target_info', { service_name: 'holdpoint-pipeline' })).toBe(1)
      const items = { signal: 'traces', result: 'stored' }
      expect(sampleValue(told, 'holdpoint_pipeline_items_total', items)).toBe(20)
      expect(await (await fetch(new URL('/readyz', pipeline.metricsUrl))).json()).toEqual({ status: 'ready' })
      await before.stop()
      await pipeline.stop()
    })

    test('collector - between-collectors.yaml: the stock exporter stores it', async () => {
      const after = await startCollector(clickhouse.after)
      const pipeline = await startPipeline('between-collectors.yaml', forwardTo(after.http, dir))
      const before = await startCollector({
        config: 'before',
        env: { HOLDPOINT_OTLP: pipeline.url, HOLDPOINT_CA_FILE: pki('authority.pem') },
      })
      await generate(before, { signal: 'traces', count: 10, over: 'http', service: 'between' })
      await expect.poll(() => stored('between'), { timeout: 20_000 }).toBe(20)
      await before.stop()
      await pipeline.stop()
      await after.stop()
    })

    test('collector - a Collector that does not know who signed the certificate sends nothing', async () => {
      const pipeline = await startPipeline('behind-a-collector.yaml')
      const before = await startCollector({ config: 'before', env: { HOLDPOINT_OTLP: pipeline.url } })
      await generate(before, { signal: 'traces', count: 1, over: 'http', service: 'stranger' })
      await before.said('certificate signed by unknown authority')
      expect(await stored('stranger')).toBe(0)
      await before.stop()
      await pipeline.stop()
    })
  },
)
