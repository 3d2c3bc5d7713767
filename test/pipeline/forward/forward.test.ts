import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { HoldpointError } from '#contract'
import { createForward, type Forward, type ForwardConfig } from '../../../src/pipeline/forward/forward.ts'
import { createFakeLog, type FakeLog } from '../../support/log.ts'
import { type Answer, accept, type Edge, startEdge } from './edge.ts'

const BODY = Buffer.from('the very bytes of a request')
let edge: Edge
let log: FakeLog
let nowMs: number

beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge.stop())
beforeEach(() => {
  edge.received.length = 0
  edge.answers(accept)
  log = createFakeLog()
  nowMs = Date.parse('2026-11-21T10:00:00Z')
})

const forwardTo = (config: Partial<ForwardConfig> = {}): Forward =>
  createForward({ url: edge.url, ...config }, { now: () => nowMs, log })

const failure = async (sending: Promise<unknown>): Promise<HoldpointError> => {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(HoldpointError)
  return error as HoldpointError
}

const answering =
  (status: number, headers: Record<string, string> = {}, body: string | Uint8Array = ''): Answer =>
  (response) =>
    void response.writeHead(status, headers).end(body)

const PROTOBUF = { 'Content-Type': 'application/x-protobuf' }

function partial(rejected: number | bigint, message: string): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).fork()
  writer.tag(1, WireType.Varint).int64(rejected)
  writer.tag(2, WireType.LengthDelimited).string(message)
  return writer.join().finish()
}

const status = (message: string): Uint8Array =>
  new BinaryWriter()
    .tag(1, WireType.Varint)
    .int32(3)
    .tag(2, WireType.LengthDelimited)
    .string(message)
    .finish()

describe('what is sent', () => {
  test.each(['traces', 'logs', 'metrics'] as const)(
    'forward - %s arrive as they are, under their own path',
    async (signal) => {
      expect(await forwardTo().send(signal, BODY)).toEqual({ rejected: 0 })
      expect(edge.received).toHaveLength(1)
      expect(edge.received[0]).toMatchObject({ path: `/v1/${signal}`, body: BODY })
      expect(edge.received[0]?.headers.authorization).toBeUndefined()
    },
  )

  test('forward - the token is shown, and a path of the address stays in front', async () => {
    await forwardTo({ url: `${edge.url}/otlp/`, token: 's3cret' }).send('traces', BODY)
    expect(edge.received[0]?.path).toBe('/otlp/v1/traces')
    expect(edge.received[0]?.headers.authorization).toBe('Bearer s3cret')
  })

  test('forward - one connection serves one request after the other', async () => {
    const ports = new Set<number | undefined>()
    edge.answers((response, received) => {
      ports.add(response.socket?.remotePort)
      accept(response, received)
    })
    const forward = forwardTo()
    for (let n = 0; n < 5; n++) await forward.send('traces', BODY)
    expect(ports.size).toBe(1)
  })
})

describe('what the Collector has not taken', () => {
  test('forward - a partial success is told, logged, and not sent again', async () => {
    edge.answers(answering(200, PROTOBUF, partial(3, 'three are too old')))
    expect(await forwardTo().send('traces', BODY)).toEqual({ rejected: 3, errorMessage: 'three are too old' })
    expect(edge.received).toHaveLength(1)
    expect(log.lines).toMatchObject([
      { level: 'warn', fields: { signal: 'traces', rejected: 3, errorMessage: 'three are too old' } },
    ])
  })

  test('forward - a warning with nothing rejected is logged too', async () => {
    edge.answers(answering(200, PROTOBUF, partial(0, 'soon deprecated')))
    expect(await forwardTo().send('logs', BODY)).toEqual({ rejected: 0, errorMessage: 'soon deprecated' })
    expect(log.lines).toHaveLength(1)
  })

  test.each([400, 413, 415, 422, 431, 500, 501, 505])(
    'forward - %d is for good, with the reason that the answer gives',
    async (code) => {
      edge.answers(answering(code, PROTOBUF, status('span 7 has no id')))
      const error = await failure(forwardTo().send('traces', BODY))
      expect(error).toMatchObject({ code: 'INVALID_INPUT', retryable: false })
      expect(error.message).toContain(`${code}: span 7 has no id`)
    },
  )

  test('forward - a reason in plain text is told, and no more of it than fits a line', async () => {
    edge.answers(answering(400, { 'Content-Type': 'text/plain' }, 'x'.repeat(100_000)))
    const { message } = await failure(forwardTo().send('traces', BODY))
    expect(message).toMatch(/400: x{500}…$/)
  })
})

describe('what may pass', () => {
  test.each([408, 429, 502, 503, 504])('forward - %d may be tried again', async (code) => {
    edge.answers(answering(code, PROTOBUF, status('busy')))
    const error = await failure(forwardTo().send('traces', BODY))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(error.message).toContain(`${code}: busy`)
  })

  test.each([401, 403, 404, 405])(
    'forward - %d is a fault of the configuration, and nobody loses spans for it',
    async (code) => {
      edge.answers(answering(code))
      const error = await failure(forwardTo({ token: 'wr0ng' }).send('traces', BODY))
      expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
      expect(error.message).toContain('pipeline.forward.url')
      expect(error.message).not.toContain('wr0ng')
    },
  )

  test.each([301, 302, 307, 308])('forward - %d is not followed', async (code) => {
    edge.answers((response, received) =>
      received.path === '/v1/traces'
        ? response.writeHead(code, { Location: `${edge.url}/elsewhere/v1/traces` }).end()
        : accept(response, received),
    )
    expect(await failure(forwardTo({ token: 't' }).send('traces', BODY))).toMatchObject({ retryable: true })
    expect(edge.received.map(({ path }) => path)).toEqual(['/v1/traces'])
  })

  test('forward - nobody there may be tried again', async () => {
    const gone = await startEdge()
    await gone.stop()
    const error = await failure(forwardTo({ url: gone.url }).send('traces', BODY))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(error.message).toContain('ECONNREFUSED')
  })

  test('forward - a connection that is cut before the answer may be tried again', async () => {
    edge.answers((response) => void response.socket?.destroy())
    expect(await failure(forwardTo().send('traces', BODY))).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    })
  })

  test('forward - an answer that is cut off acknowledges nothing', async () => {
    edge.answers((response) => {
      response.writeHead(200, { ...PROTOBUF, 'Content-Length': '100' }).write('x')
      setImmediate(() => response.socket?.destroy())
    })
    expect(await failure(forwardTo().send('traces', BODY))).toMatchObject({
      code: 'UNAVAILABLE',
      retryable: true,
    })
  })

  test('forward - an answer that does not come is not waited for', async () => {
    edge.answers(() => {})
    const error = await failure(forwardTo({ timeoutMs: 50 }).send('traces', BODY))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(error.message).toContain('timeout')
  })

  test('forward - an answer that never ends is not waited for either', async () => {
    edge.answers((response) => void response.writeHead(200, PROTOBUF).write('\n'))
    expect(await failure(forwardTo({ timeoutMs: 50 }).send('traces', BODY))).toMatchObject({
      retryable: true,
    })
  })

  test.each([
    ['of a proxy, in HTML', { 'Content-Type': 'text/html' }, '<h1>welcome</h1>'],
    ['without a content type', {}, ''],
    ['that is no protobuf', PROTOBUF, 'not protobuf'],
    ['with a negative count', PROTOBUF, partial(-1, '')],
    ['that is too large', PROTOBUF, new Uint8Array(5 * 1024 * 1024)],
    [
      'that unfolds to too much',
      { ...PROTOBUF, 'Content-Encoding': 'gzip' },
      gzipSync(Buffer.alloc(64 * 1024 * 1024)),
    ],
  ])('forward - an answer %s acknowledges nothing', async (_, headers, body) => {
    edge.answers(answering(200, headers as Record<string, string>, body))
    const error = await failure(forwardTo().send('traces', BODY))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(error.message).toContain('not OTLP')
  })

  test('forward - what is not HTTP may be tried again', async () => {
    const stranger = createServer()
    stranger.on('connection', (socket) => socket.end('SSH-2.0-OpenSSH\r\n'))
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}`
    expect(await failure(forwardTo({ url }).send('traces', BODY))).toMatchObject({ retryable: true })
    await new Promise((resolve) => stranger.close(resolve))
  })
})

describe('Retry-After', () => {
  test.each([
    ['7', 7_000],
    ['Sat, 21 Nov 2026 10:00:09 GMT', 9_000],
    ['31536000', 300_000],
  ])('forward - %s keeps everybody away until then, and no longer', async (header, quietMs) => {
    edge.answers(answering(503, { 'Retry-After': header }))
    const forward = forwardTo()
    await failure(forward.send('traces', BODY))
    edge.answers(accept)
    nowMs += quietMs - 1
    const error = await failure(forward.send('logs', BODY))
    expect(error).toMatchObject({ code: 'UNAVAILABLE', retryable: true })
    expect(edge.received).toHaveLength(1)
    nowMs += 1
    expect(await forward.send('logs', BODY)).toEqual({ rejected: 0 })
    expect(edge.received).toHaveLength(2)
  })

  test.each(['', 'soon', '-5', '0', 'Sat, 21 Nov 2026 09:00:00 GMT'])(
    'forward - %j keeps nobody away',
    async (header) => {
      edge.answers(answering(503, { 'Retry-After': header }))
      const forward = forwardTo()
      await failure(forward.send('traces', BODY))
      edge.answers(accept)
      expect(await forward.send('traces', BODY)).toEqual({ rejected: 0 })
    },
  )
})

describe('addresses that are refused', () => {
  test.each([
    'collector:4318',
    'ftp://collector',
    'http://c:4318/?a=1',
    'http://c:4318/#a',
    'http://u:pa55@c:4318',
  ])('forward - %s', (url) => {
    const create = () => createForward({ url }, { now: () => nowMs, log })
    expect(create).toThrow(expect.objectContaining({ code: 'INVALID_CONFIG' }))
    expect(create).not.toThrow('pa55')
  })
})
