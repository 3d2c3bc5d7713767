import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, expect, test } from 'vitest'
import { FILES, readPin } from '#broker'
import { createGate, createResource } from '#gate'
import { createPipeline } from '#pipeline'
import { createEngine, createStore } from '#store'
import { reviewAs } from '../../support/held.ts'
import { startHouse } from '../../support/house.ts'
import { fillMigrated } from '../../support/migrated.ts'
import { RESOURCE_SERVERS } from './servers.ts'

const stops: (() => Promise<unknown>)[] = []
afterAll(async () => {
  for (const stop of stops.reverse()) await stop()
})

test('resource and pipeline - the agent’s span is verified by what the resource has spent, and has said of it', async () => {
  const house = await startHouse()
  stops.push(() => house.stop())
  await house.agent('clerk')
  await house.agent('billing', { enforcement: 'resource' })
  const dataDir = await mkdtemp(join(tmpdir(), 'holdpoint-resource-'))
  stops.push(() => rm(dataDir, { recursive: true, force: true }))
  await fillMigrated(dataDir)
  const engine = createEngine({ dataDir, port: 0, database: 'holdpoint' }, { log: house.log })
  await engine.start()
  stops.push(() => engine.stop())
  const store = createStore(engine.writer)
  stops.push(() => store.close())
  await store.migrate()
  const { now } = house.clock
  const pin = readPin(house.home)
  const pipeline = createPipeline(
    { host: '127.0.0.1', port: 0, grpcPort: 0, pin, mode: 'direct', bufferBytes: 2 ** 30, lanes: 1 },
    {
      nc: await house.connect('pipeline'),
      telemetry: await house.connect('pipeline'),
      store,
      now,
      log: house.log,
    },
  )
  await pipeline.start()
  stops.push(() => pipeline.stop())
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${pipeline.httpPort()}/v1/traces` })
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  trace.setGlobalTracerProvider(provider)

  const configOf = (agentId: string) => ({
    natsUrl: house.natsUrl,
    credentials: house.home.read(FILES.agentCredentials(agentId)),
    agentId,
    pin,
  })
  const resource = createResource(configOf('billing'), { now })
  const gate = createGate({ ...configOf('clerk'), serviceName: 'clerk', host: 'test' }, { now })
  await Promise.all([resource.start(), gate.start()])
  stops.push(() => Promise.all([resource.stop(), gate.stop()]))
  const server = await RESOURCE_SERVERS.hono(resource, ({ action }) =>
    JSON.stringify(action.arguments).includes('broken') ? 500 : 200,
  )
  stops.push(() => server.stop())

  const payOut = (amount: number | 'broken') =>
    gate.hold(
      {
        kind: 'tool',
        name: 'payout',
        target: 'accounts/eu',
        arguments: { amount },
        resource: 'billing',
        onHeld: ({ requestId }) => void reviewAs(house, 'bob', requestId),
      },
      async (approved, proof = '') => {
        const response = await fetch(`${server.url}/accounts/eu/payouts`, {
          method: 'POST',
          headers: { 'Content-Type': 'application/json', 'Holdpoint-Warrant': proof },
          body: JSON.stringify(approved),
        })
        await resource.flush(2_000)
        if (!response.ok) throw new Error(`billing answered ${response.status}`)
      },
    )
  await payOut(250)
  await expect(payOut('broken')).rejects.toThrow('billing answered 500')
  await provider.shutdown()
  trace.disable()

  const actions = () =>
    store.query('SELECT verification, outcome, enforcement FROM holdpoint_actions ORDER BY outcome', {})
  await expect.poll(actions, { timeout: 10_000 }).toEqual([
    { verification: 'verified', outcome: 'executed', enforcement: 'resource:billing' },
    { verification: 'verified', outcome: 'failed', enforcement: 'resource:billing' },
  ])
})
