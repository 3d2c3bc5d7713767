import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FILES, readPin } from '#broker'
import { GEN_AI, ledgerStream, ledgerSubject, PAYLOAD_STREAM } from '#contract'
import { createGate } from '#gate'
import { createPipeline, type PipelineConfig } from '#pipeline'
import { createEngine, createStore, type Engine, type Store } from '#store'
import { EPOCH, type House, startHouse } from '../support/house.ts'
import { fillMigrated } from '../support/migrated.ts'
import { aSpan, encodeProtobuf } from './encode.ts'

let house: House
let engine: Engine
let store: Store
let dataDir: string

beforeAll(async () => {
  house = await startHouse()
  dataDir = await mkdtemp(join(tmpdir(), 'holdpoint-pipeline-'))
  await fillMigrated(dataDir)
  engine = createEngine({ dataDir, port: 0, database: 'holdpoint' }, { log: house.log })
  await engine.start()
  store = createStore(engine.writer)
  await store.migrate()
})
afterAll(async () => {
  await store?.close()
  await engine?.stop()
  await house?.stop()
  if (dataDir) await rm(dataDir, { recursive: true, force: true })
})

const configOf = ({ home }: House): PipelineConfig => ({
  ...{ host: '127.0.0.1', port: 0, grpcPort: 0, pin: readPin(home) },
  ...{ mode: 'direct', bufferBytes: 2 ** 30, lanes: 1 },
})

describe('a real gate, a real broker, a real reviewer', () => {
  it('pipeline - what an honest gate writes on its spans is verified, refused or not required', async () => {
    const agentId = 'honest'
    await house.agent(agentId)
    const { now } = house.clock
    const pipeline = createPipeline(configOf(house), {
      nc: await house.connect('pipeline'),
      telemetry: await house.connect('pipeline'),
      store,
      now,
      log: house.log,
    })
    await pipeline.start()
    const provider = new TracerProvider({
      spanProcessors: [
        new SimpleSpanProcessor({
          exporter: new OTLPTraceExporter({ url: `http://127.0.0.1:${pipeline.httpPort()}/v1/traces` }),
        }),
      ],
    })
    trace.setGlobalTracerProvider(provider)
    const gate = createGate(
      {
        natsUrl: house.natsUrl,
        credentials: house.home.read(FILES.agentCredentials(agentId)),
        agentId,
        pin: readPin(house.home),
        serviceName: 'honest-service',
        host: 'test',
      },
      { now },
    )
    await gate.start()
    const attempt = (name: string) =>
      gate.hold({ kind: 'tool', name, arguments: { all: true }, agentName: 'Honest' }, () => 'done')

    await attempt('lookup_customer')
    await attempt('drop_database')
    const outcomes = [attempt('export_customers'), attempt('grant_role')]
    await expect.poll(() => pending()).toHaveLength(2)
    for (const { requestId, name } of await pending())
      await review(requestId, name === 'grant_role' ? 'deny' : 'approve')
    expect((await Promise.all(outcomes)).map(({ ran }) => ran)).toEqual([true, false])
    await gate.stop()
    await provider.shutdown()
    trace.disable()

    const actions = () =>
      store.query(
        'SELECT name, verification, decision, approvers, refused_by FROM holdpoint_actions WHERE agent_sub = {agentId:String} OR agent = {name:String} ORDER BY name',
        { agentId, name: 'Honest' },
      )
    const nobody = { decision: '', approvers: [], refused_by: [] }
    await expect.poll(actions).toEqual([
      { name: 'drop_database', verification: 'refused', ...nobody },
      {
        name: 'export_customers',
        verification: 'verified',
        decision: 'approved',
        approvers: [expect.any(String)],
        refused_by: [],
      },
      {
        name: 'grant_role',
        verification: 'refused',
        decision: 'denied',
        approvers: [],
        refused_by: [expect.any(String)],
      },
      { name: 'lookup_customer', verification: 'not_required', ...nobody },
    ])
    await pipeline.stop()
  })

  const pending = async () => (await house.desk.list(house.token('bob'))).requests
  async function review(requestId: string, verdict: 'approve' | 'deny'): Promise<void> {
    const token = house.token('bob')
    const { renderHash } = await house.desk.show(token, requestId)
    await house.desk.review({ requestId, verdict, renderHash, channel: 'cli', token, reason: 'because' })
  }
})

describe("the pipeline's own credentials", () => {
  it('pipeline - credentials that can only read are enough to follow the ledger and to verify policies', async () => {
    const nc = await house.connect('pipeline')
    const { now } = house.clock
    const pipeline = createPipeline(configOf(house), { nc, telemetry: nc, store, now, log: house.log })
    await pipeline.start()
    // The policy began to rule when the broker started, a moment ago.
    const startNs = BigInt(now()) * 1_000_000n
    const spans = ['lookup_customer', 'wire_money'].map((name, index) =>
      aSpan({
        spanId: `${index + 1}`.repeat(16),
        startNs,
        attributes: { [GEN_AI.operationName]: 'execute_tool', [GEN_AI.toolName]: name },
      }),
    )
    const response = await fetch(`http://127.0.0.1:${pipeline.httpPort()}/v1/traces`, {
      method: 'POST',
      body: encodeProtobuf({ spans }) as Uint8Array<ArrayBuffer>,
      headers: { 'content-type': 'application/x-protobuf' },
    })
    expect(response.status).toBe(200)
    const findings = await store.query<{ name: string; verification: string }>(
      "SELECT name, verification FROM holdpoint_findings FINAL WHERE agent = '' ORDER BY name",
    )
    expect(findings).toEqual([
      { name: 'lookup_customer', verification: 'not_required' },
      { name: 'wire_money', verification: 'missing' },
    ])
    await expect
      .poll(() =>
        store.query("SELECT type, policy_version FROM holdpoint_ledger FINAL WHERE type = 'policy'"),
      )
      .toEqual([{ type: 'policy', policy_version: 1 }])
    await pipeline.stop()
  })

  it('pipeline - with these credentials the ledger cannot be written and payloads cannot be read', async () => {
    const nc = await house.connect('pipeline')
    await expect(
      jetstream(nc, { timeout: 300 }).publish(ledgerSubject.decided(EPOCH, 'r1'), '{}'),
    ).rejects.toThrow()
    const manager = await jetstreamManager(nc, { checkAPI: false, timeout: 300 })
    await expect(manager.streams.getMessage(PAYLOAD_STREAM, { seq: 1 })).rejects.toThrow()
    await expect(manager.streams.purge(ledgerStream(EPOCH))).rejects.toThrow()
    await expect(manager.streams.delete(ledgerStream(EPOCH))).rejects.toThrow()
  })
})
