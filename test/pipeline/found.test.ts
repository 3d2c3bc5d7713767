import { createServer, type Server } from 'node:http'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { jetstream } from '@nats-io/jetstream'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { metrics } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { registerInstrumentations } from '@opentelemetry/instrumentation'
import { AwsInstrumentation } from '@opentelemetry/instrumentation-aws-sdk'
import { type DataPoint, MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics'
import { SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  ATTR,
  FINDING_STREAM,
  type Finding,
  findingShape,
  findingSubject,
  parse,
  type TraceRef,
  type Verification,
} from '#contract'
import { seenWithin } from '../support/in-time.ts'
import { freshTrace, nextId } from './client.ts'
import { aSpan, encodeProtobuf, type Sample } from './encode.ts'
import { APPROVED_ATTRIBUTES, decided, outcome, requested, spent } from './entries.ts'
import { type Scene, startScene } from './scene.ts'

const POLICY = `
holdpoint: 1
defaults: { effect: hold, approvals: { from: [sre] } }
groups: { sre: ["oidc:https://idp.test#group/sre"] }
rules:
  - { id: buckets, match: { kind: aws, name: "s3:Delete*" }, effect: hold }
`

let scene: Scene
let nc: NatsConnection
let endpoint: string
let s3: Server
const meter = createMeter()
beforeAll(async () => {
  metrics.setGlobalMeterProvider(meter.provider)
  scene = await startScene()
  await scene.publishPolicy(POLICY)
  const pipeline = await scene.startPipeline({ mode: 'buffered' })
  endpoint = `http://127.0.0.1:${pipeline.httpPort()}/v1/traces`
  nc = await connect({ servers: scene.nats.url })
  // As S3 answers DeleteBucket.
  s3 = createServer((_, response) => void response.writeHead(204).end()).listen(0, '127.0.0.1')
})
afterAll(async () => {
  metrics.disable()
  s3?.close()
  await nc?.close()
  await scene?.stop()
})

function createMeter() {
  const reader = new (class extends MetricReader {
    protected async onForceFlush() {}
    protected async onShutdown() {}
  })()
  return {
    provider: new MeterProvider({ readers: [reader] }),
    async counted(verification: Verification): Promise<number> {
      const { resourceMetrics } = await reader.collect()
      const points = resourceMetrics.scopeMetrics
        .flatMap((scope) => scope.metrics)
        .filter(({ descriptor }) => descriptor.name === 'holdpoint.pipeline.verdicts')
        .flatMap(({ dataPoints }) => dataPoints as DataPoint<number>[])
      return Number(points.find(({ attributes }) => attributes.verification === verification)?.value ?? 0)
    },
  }
}

/** In the table, on NATS and in the metric, two seconds after it was sent at most. */
async function expectFound(
  verification: Verification,
  { traceId, spanId }: TraceRef,
  more: Partial<Finding>,
  before: number,
): Promise<void> {
  const rows = () =>
    scene.store.query<{ verification: string }>(
      `SELECT verification FROM holdpoint_findings FINAL
       WHERE trace_id = {traceId:String} AND span_id = {spanId:String}`,
      { traceId, spanId },
    )
  await seenWithin(2_000, rows, (found) => expect(found).toEqual([{ verification }]))
  const manager = await jetstream(nc).jetstreamManager(false)
  const last_by_subj = findingSubject(verification, traceId, spanId)
  const read = () => manager.streams.getMessage(FINDING_STREAM, { last_by_subj })
  await seenWithin(1_000, read, (found) => expect(found).not.toBeNull())
  const finding = parse(findingShape, JSON.parse((await read())?.string() ?? ''), 'finding')
  expect(finding).toMatchObject({ verification, traceId, spanId, ...more })
  await seenWithin(
    1_000,
    () => meter.counted(verification),
    (counted) => expect(counted).toBe(before + 1),
  )
}

async function send(attributes: Record<string, Sample>, trace: TraceRef): Promise<void> {
  const startNs = BigInt(scene.clock.nowMs - 1_000) * 1_000_000n
  const span = aSpan({ name: 'execute_tool x', ...trace, startNs, endNs: startNs + 5_000n, attributes })
  const body = encodeProtobuf({ resource: { 'service.name': 'support' }, spans: [span] })
  const headers = { 'content-type': 'application/x-protobuf' }
  const response = await fetch(endpoint, { method: 'POST', headers, body: body as Uint8Array<ArrayBuffer> })
  expect(response.status).toBe(200)
}

async function approved() {
  const requestId = nextId()
  const trace = freshTrace()
  await scene.append(
    requested({ requestId, trace }),
    decided({ requestId }),
    spent({ requestId, trace }),
    outcome({ requestId }),
  )
  return { trace, requestId, attributes: { ...APPROVED_ATTRIBUTES, [ATTR.approvalId]: requestId } }
}

describe('found within two seconds of its arrival, in the table, on NATS and in the metric', () => {
  it('pipeline - a forged span', async () => {
    const before = await meter.counted('forged')
    const trace = freshTrace()
    await send({ ...APPROVED_ATTRIBUTES, [ATTR.approvalId]: 'made-up' }, trace)
    await expectFound(
      'forged',
      trace,
      { requestId: 'made-up', service: 'support', outcome: 'executed' },
      before,
    )
  })

  it('pipeline - a replay', async () => {
    const { trace, attributes, requestId } = await approved()
    await send(attributes, trace)
    const before = await meter.counted('replayed')
    const second = { ...trace, spanId: freshTrace().spanId }
    await send(attributes, second)
    await expectFound('replayed', second, { requestId, name: 'export_customers' }, before)
  })

  it('pipeline - an approval of another trace', async () => {
    const { attributes, requestId } = await approved()
    const before = await meter.counted('unbound')
    const trace = freshTrace()
    await send(attributes, trace)
    await expectFound('unbound', trace, { requestId }, before)
  })

  it('pipeline - what nobody can verify', async () => {
    const before = await meter.counted('unverifiable')
    const trace = freshTrace()
    await send({ 'gen_ai.operation.name': 'execute_tool', [ATTR.outcome]: 'not_run' }, trace)
    await expectFound('unverifiable', trace, { outcome: 'not_run' }, before)
  })

  it('pipeline - a DeleteBucket that nobody approved, from the AWS SDK and its own instrumentation', async () => {
    const before = await meter.counted('missing')
    const provider = new TracerProvider({
      spanProcessors: [new SimpleSpanProcessor({ exporter: new OTLPTraceExporter({ url: endpoint }) })],
    })
    const unregister = registerInstrumentations({
      tracerProvider: provider,
      instrumentations: [new AwsInstrumentation()],
    })
    // Required now, so that the instrumentation sees it.
    const { S3Client, DeleteBucketCommand } = createRequire(import.meta.url)(
      '@aws-sdk/client-s3',
    ) as typeof import('@aws-sdk/client-s3')
    const client = new S3Client({
      endpoint: `http://127.0.0.1:${(s3.address() as AddressInfo).port}`,
      region: 'eu-central-1',
      forcePathStyle: true,
      credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
    })
    const bucket = `invoices-${nextId()}`
    await client.send(new DeleteBucketCommand({ Bucket: bucket }))
    await provider.forceFlush()
    const sent = () =>
      scene.store.query<TraceRef>(
        `SELECT TraceId AS traceId, SpanId AS spanId FROM otel_traces
         WHERE SpanName = 'S3.DeleteBucket' AND SpanAttributes['aws.s3.bucket'] = {bucket:String}`,
        { bucket },
      )
    await seenWithin(2_000, sent, (stored) => expect(stored).toHaveLength(1))
    const [trace] = await sent()
    await expectFound(
      'missing',
      trace as TraceRef,
      {
        kind: 'aws',
        name: 's3:DeleteBucket',
        target: `arn:aws:s3:::${bucket}`,
        ruling: { effect: 'hold', rule: 'buckets', policyVersion: 1 },
      },
      before,
    )
    unregister()
    client.destroy()
    await provider.shutdown()
  })

  it('pipeline - an action that waits is in the tables within a second, before any span has come', async () => {
    const requestId = nextId()
    await scene.append(requested({ requestId, trace: freshTrace() }))
    const waiting = () =>
      scene.store.query(
        'SELECT decision, outcome FROM holdpoint_actions WHERE request_id = {requestId:String}',
        {
          requestId,
        },
      )
    await seenWithin(1_000, waiting, (actions) =>
      expect(actions).toEqual([{ decision: 'pending', outcome: 'pending' }]),
    )
  })
})
