import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ATTR, TELEMETRY_DEAD_STREAM } from '#contract'
import type { Pipeline } from '#pipeline'
import { type Scene, startScene } from '../scene.ts'
import { accept, type Edge, startEdge } from './edge.ts'

const POLICY = `
holdpoint: 1
mode: enforce
defaults: { effect: hold, approvals: { from: [sre], threshold: 1, assurance: login } }
groups: { sre: ["oidc:https://idp.test#group/sre"] }
rules: []
`

let edge: Edge
let scene: Scene
let pipeline: Pipeline
beforeAll(async () => {
  edge = await startEdge()
  scene = await startScene()
  await scene.publishPolicy(POLICY)
  pipeline = await scene.startPipeline({ forward: { url: edge.url, token: 'a-token-of-the-tests' } })
})
afterAll(async () => {
  await scene?.stop()
  await edge?.stop()
})
beforeEach(() => {
  edge.received.length = 0
  edge.answers(accept)
})

const post = (signal: string, body: Uint8Array, to = pipeline): Promise<Response> =>
  fetch(`http://127.0.0.1:${to.httpPort()}/v1/${signal}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-protobuf' },
    body: body as Uint8Array<ArrayBuffer>,
  })

const message = (...parts: ((writer: BinaryWriter) => unknown)[]): Uint8Array => {
  const writer = new BinaryWriter()
  for (const part of parts) part(writer)
  return writer.finish()
}
const bytes = (no: number, value: Uint8Array) => (writer: BinaryWriter) =>
  writer.tag(no, WireType.LengthDelimited).bytes(value)
const text = (no: number, value: string) => bytes(no, Buffer.from(value))
const fixed64 = (no: number, value: bigint) => (writer: BinaryWriter) =>
  writer.tag(no, WireType.Bit64).fixed64(value)
const fixed32 = (no: number, value: number) => (writer: BinaryWriter) =>
  writer.tag(no, WireType.Bit32).fixed32(value)
const varint = (no: number, value: number) => (writer: BinaryWriter) =>
  writer.tag(no, WireType.Varint).uint32(value)
/** Fields of a version of OTLP that is not written yet. */
const coming = (said: string) => [text(1001, said), fixed32(1002, 7), fixed64(1003, 9n), varint(1004, 300)]

const attribute = (no: number, key: string, value: string) =>
  bytes(
    no,
    message(text(1, key), bytes(2, message(text(1, value), ...coming('value'))), ...coming('attribute')),
  )
const at = fixed64(2, 1_763_000_000_123_456_789n)
const resource = message(attribute(1, 'service.name', 'shop'), ...coming('resource'))
const scope = message(text(1, 'scope'), text(2, '1'), attribute(3, 'of', 'scope'), ...coming('scope'))
const SCHEMA = 'https://opentelemetry.io/schemas/9.99.0'

/** One item in a scope in a resource, the same way for all three signals. */
const requestOf = (item: Uint8Array): Uint8Array =>
  message(
    bytes(
      1,
      message(
        bytes(1, resource),
        bytes(2, message(bytes(1, scope), bytes(2, item), text(3, SCHEMA), ...coming('scopes'))),
        text(3, SCHEMA),
        ...coming('resources'),
      ),
    ),
    ...coming('request'),
  )

const span = (...more: ((writer: BinaryWriter) => unknown)[]): Uint8Array =>
  message(
    ...coming('first'),
    bytes(1, Buffer.alloc(16, 1)),
    bytes(2, Buffer.alloc(8, 2)),
    text(3, 'vendor=1'),
    fixed32(16, 0x0301),
    text(5, 'GET /'),
    // While the policy of the scene is in force.
    fixed64(7, BigInt(Date.now()) * 1_000_000n),
    fixed64(8, BigInt(Date.now()) * 1_000_000n + 5n),
    ...more,
    bytes(11, message(fixed64(1, 1n), text(2, 'event'), ...coming('event'))),
    bytes(13, message(bytes(1, Buffer.alloc(16, 3)), bytes(2, Buffer.alloc(8, 4)), ...coming('link'))),
    bytes(15, message(varint(3, 1), ...coming('status'))),
    ...coming('last'),
  )
const record = message(
  fixed64(1, 5n),
  bytes(5, message(text(1, 'body'))),
  text(12, 'event.name'),
  ...coming('record'),
)
const gauge = message(
  text(1, 'gauge'),
  bytes(
    5,
    message(
      bytes(1, message(attribute(7, 'a', 'b'), at, fixed64(3, 5n), ...coming('point'))),
      ...coming('gauge'),
    ),
  ),
  ...coming('metric'),
)

describe('what has nothing to do with approvals', () => {
  test.each([
    ['traces', requestOf(span(attribute(9, 'http.route', '/')))],
    ['logs', requestOf(record)],
    ['metrics', requestOf(gauge)],
  ])('forward - %s pass byte for byte, fields included that nobody knows yet', async (signal, body) => {
    expect((await post(signal, body)).status).toBe(200)
    expect(edge.received.map(({ path }) => path)).toEqual([`/v1/${signal}`])
    expect(edge.received[0]?.body.equals(body)).toBe(true)
    expect(edge.received[0]?.headers.authorization).toBe('Bearer a-token-of-the-tests')
  })

  test('forward - nothing of it is stored here', async () => {
    for (const table of ['otel_traces', 'otel_logs', 'otel_metrics_gauge'])
      expect(await scene.store.query(`SELECT count() AS n FROM ${table}`)).toEqual([{ n: 0 }])
  })
})

describe('what claims an approval', () => {
  const claim = span(
    attribute(9, 'gen_ai.operation.name', 'execute_tool'),
    attribute(9, 'gen_ai.tool.name', 'export_customers'),
    attribute(9, ATTR.verification, 'verified'),
  )

  test('forward - its verdict is ours, and what nobody knows yet is still there', async () => {
    expect((await post('traces', requestOf(claim))).status).toBe(200)
    const sent = edge.received[0]?.body.toString('latin1') ?? ''
    expect(sent).not.toContain('verified')
    expect(sent).toContain('missing')
    for (const said of [
      'first',
      'last',
      'event',
      'link',
      'status',
      'scope',
      'scopes',
      'resource',
      'resources',
      'request',
    ])
      expect(sent, said).toContain(Buffer.from(message(...coming(said))).toString('latin1'))
    expect(sent.split(SCHEMA)).toHaveLength(3)
  })

  test('forward - the finding is stored here', async () => {
    expect(await scene.store.query('SELECT name, verification FROM holdpoint_actions')).toEqual([
      { name: 'export_customers', verification: 'missing' },
    ])
  })

  test.each([
    [
      'logs',
      requestOf(message(fixed64(1, 5n), attribute(6, ATTR.verification, 'verified'), ...coming('record'))),
    ],
    [
      'metrics',
      requestOf(
        message(
          text(1, 'g'),
          bytes(5, message(bytes(1, message(attribute(7, ATTR.verification, 'verified'), at)))),
        ),
      ),
    ],
  ])('forward - %s lose it', async (signal, body) => {
    expect((await post(signal, body)).status).toBe(200)
    expect(edge.received[0]?.body.includes(ATTR.verification)).toBe(false)
    expect(edge.received[0]?.body.includes(SCHEMA)).toBe(true)
  })
})

describe('what the Collector answers', () => {
  const body = requestOf(span())

  test('forward - one that is busy makes the sender come again', async () => {
    edge.answers(
      (response) => void response.writeHead(503, { 'Content-Type': 'application/x-protobuf' }).end(),
    )
    const { status, headers } = await post('traces', body)
    expect(status).toBe(503)
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    edge.answers(accept)
    expect((await post('traces', body)).status).toBe(200)
  })

  test('forward - what one refuses for good is put aside with its reason, and nothing else waits for it', async () => {
    const buffered = await scene.startPipeline({ mode: 'buffered', forward: { url: edge.url } })
    edge.answers((response, received) =>
      received.body.includes('not like this')
        ? response.writeHead(400, { 'Content-Type': 'text/plain' }).end('cannot be read')
        : accept(response, received),
    )
    for (const words of ['not like this', 'but so'])
      expect((await post('traces', requestOf(span(attribute(9, 'said', words))), buffered)).status).toBe(200)
    // Both may have come in one batch; refused together, the good one goes by itself.
    const good = () =>
      edge.received.filter(({ body }) => body.includes('but so') && !body.includes('not like this'))
    await expect.poll(good).toHaveLength(1)
    const nc = await connect({ servers: scene.nats.url })
    const letter = await (await jetstreamManager(nc)).streams.getMessage(TELEMETRY_DEAD_STREAM, { seq: 1 })
    expect(Buffer.from(letter?.header.get('Holdpoint-Dead-Letter') ?? '', 'base64url').toString()).toContain(
      'the Collector answered 400: cannot be read',
    )
    expect(Buffer.from(letter?.data ?? []).includes('not like this')).toBe(true)
    await nc.close()
  })
})
