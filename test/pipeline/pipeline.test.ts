import { gzipSync } from 'node:zlib'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import { CompressionAlgorithm } from '@opentelemetry/otlp-exporter-base'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { SimpleSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ATTR, principalId, type TraceRef } from '#contract'
import type { Component } from '#runtime'
import type { FindingRow } from '#store'
import { aSpan, encodeProtobuf, type Sample, type SampleSpan } from './encode.ts'
import {
  APPROVED_ATTRIBUTES,
  BOB,
  DENIED_ATTRIBUTES,
  decided,
  outcome,
  requested,
  spent,
  UNASKED_ATTRIBUTES,
} from './entries.ts'
import { type Scene, startScene } from './scene.ts'

const POLICY = `
holdpoint: 1
mode: { default: enforce, staging: observe }
defaults:
  effect: hold
  approvals: { from: [sre], threshold: 1, assurance: login }
groups:
  sre: ["oidc:https://idp.test#group/sre"]
rules:
  - { id: lookup, match: { kind: tool, name: "lookup_*" }, effect: allow }
  - { id: small-refund, match: { kind: tool, name: issue_refund }, when: action.arguments.amount <= 50.0, effect: allow }
  - { id: drop, match: { kind: tool, name: "drop_*" }, effect: deny }
`

let scene: Scene
let pipeline: Component & { port(): number }
let counter = 0

beforeAll(async () => {
  scene = await startScene()
  await scene.publishPolicy(POLICY)
  pipeline = await scene.startPipeline()
})
afterAll(() => scene?.stop())

const endpoint = (): string => `http://127.0.0.1:${pipeline.port()}/v1/traces`
const hex = (digits: number): string => (++counter + 0x1000).toString(16).padStart(digits, 'a')
const freshTrace = (): TraceRef => ({ traceId: hex(32), spanId: hex(16) })

interface SpanOf {
  attributes: Record<string, Sample>
  trace?: TraceRef
  span?: SampleSpan
  resource?: Record<string, Sample>
}

const bodyOf = ({ attributes, trace = freshTrace(), span = {}, resource = {} }: SpanOf): Uint8Array => {
  const startNs = BigInt(scene.clock.nowMs - 1_000) * 1_000_000n
  const sample = aSpan({
    name: 'execute_tool x',
    startNs,
    endNs: startNs + 5_000_000n,
    ...trace,
    ...span,
    attributes,
  })
  return encodeProtobuf({ resource: { 'service.name': 'support', ...resource }, spans: [sample] })
}

const post = (body: Uint8Array, to = endpoint()): Promise<Response> =>
  fetch(to, {
    method: 'POST',
    body: body as Uint8Array<ArrayBuffer>,
    headers: { 'content-type': 'application/x-protobuf' },
  })

/** Sends one span and reads back what was found and stored. */
async function send(
  one: SpanOf,
): Promise<{ finding: FindingRow | undefined; stored: Record<string, string> }> {
  const trace = one.trace ?? freshTrace()
  expect((await post(bodyOf({ ...one, trace }))).status).toBe(200)
  return read({ ...trace, ...(one.span?.spanId === undefined ? {} : { spanId: one.span.spanId }) })
}

async function read({
  traceId,
  spanId,
}: TraceRef): Promise<{ finding: FindingRow | undefined; stored: Record<string, string> }> {
  const at = { traceId, spanId }
  const [finding] = await scene.store.query<FindingRow>(
    'SELECT * FROM holdpoint_findings FINAL WHERE trace_id = {traceId:String} AND span_id = {spanId:String}',
    at,
  )
  const rows = await scene.store.query<{ SpanAttributes: Record<string, string> }>(
    'SELECT SpanAttributes FROM otel_traces WHERE TraceId = {traceId:String} AND SpanId = {spanId:String}',
    at,
  )
  return { finding, stored: rows.at(-1)?.SpanAttributes ?? {} }
}

/** A request that goes through the whole ledger, for a trace of its own. */
async function approvedRequest(): Promise<{
  trace: TraceRef
  requestId: string
  attributes: Record<string, Sample>
}> {
  const requestId = `r${++counter}`
  const trace = freshTrace()
  await scene.append(
    requested({ requestId, trace }),
    decided({ requestId }),
    spent({ requestId, trace }),
    outcome({ requestId }),
  )
  return { trace, requestId, attributes: { ...APPROVED_ATTRIBUTES, [ATTR.approvalId]: requestId } }
}

describe('the ordinary exporters', () => {
  const exporters: [string, (url: string) => SpanExporter][] = [
    ['protobuf', (url) => new ProtoExporter({ url })],
    ['protobuf with gzip', (url) => new ProtoExporter({ url, compression: CompressionAlgorithm.GZIP })],
    ['JSON', (url) => new JsonExporter({ url })],
    ['JSON with gzip', (url) => new JsonExporter({ url, compression: CompressionAlgorithm.GZIP })],
  ]

  it.each(exporters)(
    'pipeline - spans of the SDK arrive as %s, and are stored as the Collector stores them',
    async (_, create) => {
      const failures: unknown[] = []
      const exporter = create(endpoint())
      const provider = new TracerProvider({
        resource: resourceFromAttributes({ 'service.name': 'sdk-agent', 'service.version': '1.2.3' }),
        spanProcessors: [new SimpleSpanProcessor({ exporter })],
      })
      const tracer = provider.getTracer('test-scope', '0.9')
      const span = tracer.startSpan('GET /customers', { kind: SpanKind.CLIENT })
      span.setAttributes({
        text: 'Grüße',
        count: 3,
        share: 0.25,
        ok: true,
        tags: ['a', 'b'],
        numbers: [1, 2],
      })
      span.addEvent('retry', { attempt: 2 })
      span.addLink({
        context: { traceId: 'c'.repeat(32), spanId: 'd'.repeat(16), traceFlags: 1 },
        attributes: { why: 'x' },
      })
      span.setStatus({ code: SpanStatusCode.ERROR, message: 'timed out' })
      span.end()
      await provider.forceFlush()
      await provider.shutdown()
      expect(failures).toEqual([])

      const [row] = await scene.store.query(
        'SELECT * EXCEPT (Timestamp, Duration), toUnixTimestamp(Timestamp) AS startedS, Duration AS ns FROM otel_traces WHERE TraceId = {traceId:String}',
        { traceId: span.spanContext().traceId },
      )
      expect(row).toMatchObject({
        SpanId: span.spanContext().spanId,
        ParentSpanId: '',
        SpanName: 'GET /customers',
        SpanKind: 'Client',
        ServiceName: 'sdk-agent',
        ScopeName: 'test-scope',
        ScopeVersion: '0.9',
        SpanAttributes: {
          count: '3',
          numbers: '[1,2]',
          ok: 'true',
          share: '0.25',
          tags: '["a","b"]',
          text: 'Grüße',
        },
        StatusCode: 'Error',
        StatusMessage: 'timed out',
        'Events.Name': ['retry'],
        'Events.Attributes': [{ attempt: '2' }],
        'Links.TraceId': ['c'.repeat(32)],
        'Links.Attributes': [{ why: 'x' }],
      })
      expect(
        (row as { ResourceAttributes: Record<string, string> }).ResourceAttributes['service.version'],
      ).toBe('1.2.3')
      expect(Math.abs(Number((row as { startedS: number }).startedS) - Date.now() / 1000)).toBeLessThan(60)
      expect(Number((row as { ns: string }).ns)).toBeGreaterThan(0)
    },
  )
})

describe('verdicts', () => {
  it('pipeline - an approved action is verified, with the approver of the ledger', async () => {
    const { trace, requestId, attributes } = await approvedRequest()
    const { finding, stored } = await send({ attributes, trace })
    expect(finding).toMatchObject({
      verification: 'verified',
      request_id: requestId,
      name: 'export_customers',
      ruling: 'hold',
      rule: 'export',
      outcome: 'executed',
      service_name: 'support',
    })
    expect(stored).toMatchObject({
      [ATTR.verification]: 'verified',
      [ATTR.approverId]: principalId(BOB),
      [ATTR.approverName]: BOB.name,
      [ATTR.approvers]: JSON.stringify([principalId(BOB)]),
    })
  })

  it("pipeline - an honest span that names no approver gets the ledger's", async () => {
    const { trace } = await approvedRequest()
    const { stored } = await send({ attributes: UNASKED_ATTRIBUTES, trace })
    expect(stored).toMatchObject({
      [ATTR.verification]: 'verified',
      [ATTR.approverName]: BOB.name,
      [ATTR.decision]: 'approved',
    })
  })

  it('pipeline - a verdict and an approver that a client made up are never stored', async () => {
    const attributes = {
      ...UNASKED_ATTRIBUTES,
      [ATTR.verification]: 'verified',
      [ATTR.approverName]: 'The CEO',
      [ATTR.decision]: 'approved',
    }
    const resource = { [ATTR.verification]: 'verified', [ATTR.approverName]: 'The CEO' }
    const { finding, stored } = await send({ attributes, resource })
    expect(finding).toMatchObject({ verification: 'forged' })
    expect(finding?.detail).toContain('The CEO')
    expect(stored[ATTR.verification]).toBe('forged')
    expect(Object.keys(stored).filter((name) => name.startsWith('holdpoint.approval.'))).toEqual([])
    const [row] = await scene.store.query<{ count: string }>(
      `SELECT count() AS count FROM otel_traces WHERE ResourceAttributes['${ATTR.verification}'] != '' OR ResourceAttributes['${ATTR.approverName}'] != ''`,
    )
    expect(Number(row?.count)).toBe(0)
  })

  it('pipeline - a wait shows no approver of its own making, and is not judged', async () => {
    const span = { name: 'await_approval export_customers' }
    const { finding, stored } = await send({
      attributes: { [ATTR.approvalId]: 'nobody', [ATTR.approverName]: 'The CEO' },
      span,
    })
    expect([finding, stored]).toEqual([undefined, {}])
  })

  it('pipeline - an approval quoted from another trace is unbound, from another span a replay', async () => {
    const { trace, attributes } = await approvedRequest()
    expect((await send({ attributes, trace })).finding?.verification).toBe('verified')
    const elsewhere = await send({ attributes })
    expect(elsewhere.finding?.verification).toBe('unbound')
    expect(elsewhere.stored[ATTR.approverName]).toBeUndefined()
    const again = await send({ attributes, trace: { ...trace, spanId: hex(16) } })
    expect(again.finding?.verification).toBe('replayed')
    expect(again.stored[ATTR.approverName]).toBeUndefined()
  })

  it('pipeline - the same ids with another content are a replay, and the first cannot cover it up', async () => {
    const { trace, attributes } = await approvedRequest()
    const first = bodyOf({ attributes, trace })
    expect((await post(first)).status).toBe(200)
    expect((await post(first)).status).toBe(200)
    expect((await read(trace)).finding?.verification).toBe('verified')
    scene.clock.nowMs += 10
    expect(
      (await send({ attributes: { ...attributes, 'gen_ai.tool.call.arguments': '{"all":true}' }, trace }))
        .finding?.verification,
    ).toBe('replayed')
    scene.clock.nowMs += 10
    expect((await send({ attributes, trace, span: { status: { code: 1 } } })).finding?.verification).toBe(
      'replayed',
    )
  })

  it.each<[string, SpanOf & { name?: string }, string]>([
    [
      'what policy allows is not required',
      { attributes: { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'lookup_customer' } },
      'not_required',
    ],
    ['what policy holds is missing its decision', { attributes: UNASKED_ATTRIBUTES }, 'missing'],
    [
      'what policy denies is missing as well',
      {
        attributes: { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'drop_database' },
        resource: { 'deployment.environment.name': 'prod' },
      },
      'missing',
    ],
    [
      'a denial of policy that was heeded is refused',
      {
        attributes: { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'drop_database', [ATTR.outcome]: 'not_run' },
        resource: { 'deployment.environment.name': 'prod' },
      },
      'refused',
    ],
    [
      'in observe mode it is observed',
      { attributes: UNASKED_ATTRIBUTES, resource: { 'deployment.environment.name': 'staging' } },
      'observed',
    ],
    [
      'a ruling that hangs on arguments is unverifiable',
      {
        attributes: { ...UNASKED_ATTRIBUTES, 'gen_ai.tool.name': 'issue_refund' },
        resource: { 'deployment.environment.name': 'prod' },
      },
      'unverifiable',
    ],
    [
      'an action before the first policy is unverifiable',
      { attributes: UNASKED_ATTRIBUTES, span: { startNs: 1_000n } },
      'unverifiable',
    ],
    [
      'a request that nobody made is forged',
      { attributes: { ...APPROVED_ATTRIBUTES, [ATTR.approvalId]: 'made-up' } },
      'forged',
    ],
  ])('pipeline - %s', async (_, one, verification) => {
    const resource = { 'deployment.environment.name': 'prod', ...one.resource }
    const { finding, stored } = await send({ ...one, resource })
    expect([finding?.verification, finding?.detail]).toEqual([verification, expect.any(String)])
    expect(stored[ATTR.verification]).toBe(verification)
  })

  it('pipeline - an environment that is not said is none that suits the agent', async () => {
    const { finding } = await send({ attributes: UNASKED_ATTRIBUTES })
    expect(finding?.verification).toBe('unverifiable')
  })

  it('pipeline - a denial that was heeded is refused, and shows who denied', async () => {
    const requestId = `r${++counter}`
    const trace = freshTrace()
    await scene.append(requested({ requestId, trace }), decided({ requestId, decision: 'denied' }))
    const { finding, stored } = await send({
      attributes: { ...DENIED_ATTRIBUTES, [ATTR.approvalId]: requestId },
      trace,
    })
    expect(finding).toMatchObject({ verification: 'refused', outcome: 'not_run', request_id: requestId })
    expect(stored).toMatchObject({ [ATTR.decision]: 'denied', [ATTR.approverName]: BOB.name })
  })
})

describe('storing', () => {
  it('pipeline - a batch that is sent again is stored once', async () => {
    const trace = freshTrace()
    const body = bodyOf({ attributes: UNASKED_ATTRIBUTES, trace })
    for (let time = 0; time < 3; time++) expect((await post(body)).status).toBe(200)
    const [row] = await scene.store.query<{ spans: string }>(
      'SELECT count() AS spans FROM otel_traces WHERE TraceId = {traceId:String}',
      { traceId: trace.traceId },
    )
    expect(Number(row?.spans)).toBe(1)
  })

  it('pipeline - a malformed body stores nothing', async () => {
    const trace = freshTrace()
    const body = bodyOf({ attributes: {}, trace })
    expect((await post(body.subarray(0, -1))).status).toBe(400)
    expect((await post(Buffer.concat([body, Buffer.from([7])]))).status).toBe(400)
    const [row] = await scene.store.query<{ spans: string }>(
      'SELECT count() AS spans FROM otel_traces WHERE TraceId = {traceId:String}',
      { traceId: trace.traceId },
    )
    expect(Number(row?.spans)).toBe(0)
  })

  it.each<[string, SampleSpan]>([
    ['a trace id of zeros', { traceId: '0'.repeat(32) }],
    ['a short trace id', { traceId: 'abcd' }],
    ['no trace id', { traceId: '' }],
    ['a span id of zeros', { spanId: '0'.repeat(16) }],
    ['a long span id', { spanId: 'a'.repeat(18) }],
    ['a crooked parent', { parentSpanId: 'ab' }],
    ['a time beyond what is stored', { startNs: 2n ** 63n }],
  ])('pipeline - a span with %s is rejected, its neighbour is stored', async (_, broken) => {
    const trace = freshTrace()
    const spans = [aSpan({ ...trace, name: 'good' }), aSpan({ ...freshTrace(), ...broken })]
    const response = await fetch(endpoint(), {
      method: 'POST',
      body: JSON.stringify({
        resourceSpans: [
          {
            scopeSpans: [
              {
                spans: spans.map(({ startNs, endNs, ...span }) => ({
                  ...span,
                  startTimeUnixNano: String(startNs),
                  endTimeUnixNano: String(endNs),
                })),
              },
            ],
          },
        ],
      }),
      headers: { 'content-type': 'application/json' },
    })
    expect(response.status).toBe(200)
    const { partialSuccess } = (await response.json()) as {
      partialSuccess: { rejectedSpans: string; errorMessage: string }
    }
    expect(partialSuccess.rejectedSpans).toBe('1')
    expect(partialSuccess.errorMessage).not.toBe('')
    const [row] = await scene.store.query<{ spans: string }>(
      'SELECT count() AS spans FROM otel_traces WHERE TraceId = {traceId:String}',
      { traceId: trace.traceId },
    )
    expect(Number(row?.spans)).toBe(1)
  })

  it('pipeline - spans of more days than one insert takes are rejected in part, the rest is stored', async () => {
    const { traceId } = freshTrace()
    const spans = Array.from({ length: 120 }, (_, day) =>
      aSpan({ traceId, spanId: hex(16), startNs: BigInt(day + 20_000) * 86_400_000_000_000n, endNs: 0n }),
    )
    const response = await fetch(endpoint(), {
      method: 'POST',
      body: gzipSync(encodeProtobuf({ spans })),
      headers: { 'content-type': 'application/x-protobuf', 'content-encoding': 'gzip' },
    })
    expect(response.status).toBe(200)
    expect(Buffer.from(await response.arrayBuffer()).toString()).toContain(
      '30 × one batch may span 90 different days',
    )
  })

  it('pipeline - while the store is down a batch is refused for now, and taken afterwards', async () => {
    let down = true
    const other = await scene.startPipeline({
      store: {
        insertSpans: async (rows, token) => {
          if (down) throw new Error('connection refused')
          await scene.store.insertSpans(rows, token)
        },
      },
    })
    const to = `http://127.0.0.1:${other.port()}/v1/traces`
    const trace = freshTrace()
    const body = bodyOf({ attributes: UNASKED_ATTRIBUTES, trace })
    const refused = await post(body, to)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '5'])
    expect((await read(trace)).finding).toBeUndefined()
    down = false
    expect((await post(body, to)).status).toBe(200)
    expect((await read(trace)).finding).toMatchObject({ request_id: '' })
    await other.stop()
  })

  it('pipeline - every ledger entry is stored once, whichever pipeline came first', async () => {
    const { requestId } = await approvedRequest()
    const second = await scene.startPipeline()
    const count = async (): Promise<number[]> => {
      const rows = await scene.store.query<{ rows: string; distinct: string }>(
        'SELECT count() AS rows, uniqExact(ledger_index) AS distinct FROM holdpoint_ledger FINAL WHERE request_id = {requestId:String}',
        { requestId },
      )
      return [Number(rows[0]?.rows), Number(rows[0]?.distinct)]
    }
    await expect.poll(count).toEqual([4, 4])
    await second.stop()
    expect(await count()).toEqual([4, 4])
  })
})

describe('trust', () => {
  it('pipeline - a policy that the ledger names with another hash, or that a stranger signed, allows nothing', async () => {
    const allowAll = POLICY.replace('effect: hold', 'effect: allow')
    await scene.publishPolicy(allowAll, { atMs: scene.clock.nowMs, signed: 'by a stranger' })
    scene.clock.nowMs += 60_000
    const resource = { 'deployment.environment.name': 'prod' }
    expect((await send({ attributes: UNASKED_ATTRIBUTES, resource })).finding?.verification).toBe(
      'unverifiable',
    )
    await scene.publishPolicy(allowAll, { atMs: scene.clock.nowMs, ledgerHash: 'other bytes' })
    scene.clock.nowMs += 60_000
    expect((await send({ attributes: UNASKED_ATTRIBUTES, resource })).finding?.verification).toBe(
      'unverifiable',
    )
    await scene.publishPolicy(POLICY, { atMs: scene.clock.nowMs })
    scene.clock.nowMs += 60_000
    expect((await send({ attributes: UNASKED_ATTRIBUTES, resource })).finding?.verification).toBe('missing')
  })
})
