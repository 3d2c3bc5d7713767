import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HoldpointError } from '#contract'
import type { Accepted } from '../../src/pipeline/otlp/signal.ts'
import { aSpan, encodeJson } from './encode.ts'
import {
  BODY,
  createReceiving,
  decodeStatus,
  JSON_TYPE,
  MAX_BODY_BYTES,
  PROTOBUF,
  post as postTo,
  type Receiving,
  type Status,
  startReceiving,
} from './receiving.ts'

let receiving: Receiving
beforeAll(async () => {
  receiving = createReceiving()
  await receiving.start()
})
afterAll(() => receiving.stop())
beforeEach(() => {
  receiving.received = []
  receiving.become = () => ({ rejected: 0 })
})

const post = (body: Uint8Array | string, headers?: Record<string, string>) =>
  postTo(receiving.url(), body, headers)
const statusOf = async (response: Response): Promise<Status> =>
  decodeStatus(new Uint8Array(await response.arrayBuffer()))

describe('answers', () => {
  it.each(['traces', 'logs', 'metrics'])('receiver - %s are handed on, and answered', async (signal) => {
    const response = await postTo(receiving.url(`/v1/${signal}`), BODY)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, PROTOBUF])
    expect((await response.arrayBuffer()).byteLength).toBe(0)
    expect(receiving.received).toEqual([{ signal, body: BODY, atMs: receiving.clock.nowMs }])
  })

  it('receiver - JSON is answered with the empty object, and handed on as protobuf', async () => {
    const response = await post(encodeJson({ spans: [aSpan()] }), {
      'content-type': `${JSON_TYPE}; charset=utf-8`,
    })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, JSON_TYPE])
    expect(await response.json()).toEqual({})
    expect(Buffer.from(receiving.received[0]?.body ?? []).includes('execute_tool lookup_customer')).toBe(true)
  })

  it('receiver - an empty body is a request without anything in it', async () => {
    expect((await post('')).status).toBe(200)
    expect(receiving.received[0]?.body).toHaveLength(0)
  })

  it.each([
    ['traces', 'rejectedSpans'],
    ['logs', 'rejectedLogRecords'],
    ['metrics', 'rejectedDataPoints'],
  ])('receiver - rejected %s are counted as %s, with the reason', async (signal, field) => {
    receiving.become = () => ({ rejected: 2, errorMessage: '2 × bad ids' })
    const url = receiving.url(`/v1/${signal}`)
    const asJson = await postTo(url, '{}', { 'content-type': JSON_TYPE })
    expect(await asJson.json()).toEqual({ partialSuccess: { [field]: '2', errorMessage: '2 × bad ids' } })

    const reader = new BinaryReader(new Uint8Array(await (await postTo(url, BODY)).arrayBuffer()))
    expect(reader.tag()).toEqual([1, 2])
    expect(reader.uint32()).toBe(reader.len - reader.pos)
    expect([reader.tag(), reader.int64()]).toEqual([[1, 0], 2n])
    expect([reader.tag(), reader.string()]).toEqual([[2, 2], '2 × bad ids'])
  })

  it('receiver - a message for people is cut where it would fill an answer', async () => {
    receiving.become = () => ({ rejected: 1, errorMessage: 'x'.repeat(999_999) })
    const response = await post('{}', { 'content-type': JSON_TYPE })
    const { partialSuccess } = (await response.json()) as { partialSuccess: { errorMessage: string } }
    expect(partialSuccess.errorMessage).toMatch(/^x{999}…$/)
  })

  it.each([
    ['gzip', gzipSync],
    ['GZip', gzipSync],
    ['x-gzip', gzipSync],
    [
      'gzip',
      (body: Uint8Array) => Buffer.concat([gzipSync(body.subarray(0, 9)), gzipSync(body.subarray(9))]),
    ],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
    ['identity', (body: Uint8Array) => body],
  ])('receiver - %s is understood', async (encoding, compress) => {
    const response = await post(compress(BODY), { 'content-type': PROTOBUF, 'content-encoding': encoding })
    expect(response.status).toBe(200)
    expect(receiving.received[0]?.body).toEqual(BODY)
  })
})

describe('refusals', () => {
  afterEach(() => expect(receiving.received).toEqual([]))

  const encoded = (encoding: string) => ({ 'content-type': PROTOBUF, 'content-encoding': encoding })
  const cut = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, bytes.length - 3)
  const junk = Buffer.from('junk')

  it.each<[string, Uint8Array, string, number]>([
    ['what is no gzip', Buffer.from('no gzip'), 'gzip', 400],
    ['what is no zstd', Buffer.from('no zstd'), 'zstd', 400],
    ['nothing at all, compressed', Buffer.alloc(0), 'gzip', 400],
    ['gzip cut short', cut(gzipSync(BODY)), 'gzip', 400],
    ['deflate cut short', cut(deflateSync(BODY)), 'deflate', 400],
    ['zstd cut short', cut(zstdCompressSync(BODY)), 'zstd', 400],
    ['gzip that calls itself deflate', gzipSync(BODY), 'deflate', 400],
    ['gzip that calls itself zstd', gzipSync(BODY), 'zstd', 400],
    ['junk behind gzip', Buffer.concat([gzipSync(BODY), junk]), 'gzip', 400],
    ['zeros behind gzip', Buffer.concat([gzipSync(BODY), Buffer.alloc(4)]), 'gzip', 400],
    ['junk behind deflate', Buffer.concat([deflateSync(BODY), junk]), 'deflate', 400],
    ['junk behind zstd', Buffer.concat([zstdCompressSync(BODY), junk]), 'zstd', 400],
    ['gzip with a wrong checksum', flipped(gzipSync(BODY), -6), 'gzip', 400],
    ['an encoding that nobody knows', BODY, 'lzma', 415],
    ['two encodings', BODY, 'gzip, gzip', 415],
    ['an encoding that JavaScript knows', BODY, 'constructor', 415],
    ['a body over the limit', Buffer.alloc(MAX_BODY_BYTES + 1), 'identity', 413],
    ['a body far over the limit', Buffer.alloc(5_000_000), 'identity', 413],
    ['a bomb of gzip', gzipSync(Buffer.alloc(50_000_000)), 'gzip', 413],
    ['a bomb of deflate', deflateSync(Buffer.alloc(50_000_000)), 'deflate', 413],
    ['a bomb of zstd', zstdCompressSync(Buffer.alloc(50_000_000)), 'zstd', 413],
    ['one byte too many, compressed', gzipSync(Buffer.alloc(MAX_BODY_BYTES + 1)), 'gzip', 413],
    ['an endless run of empty gzip members', Buffer.concat(Array(6_000).fill(gzipSync(''))), 'gzip', 413],
  ])('receiver - %s', async (_, body, encoding, http) => {
    const response = await post(body, encoded(encoding))
    expect([response.status, response.headers.get('content-type')]).toEqual([http, PROTOBUF])
    expect(response.headers.get('retry-after')).toBeNull()
    const { code, message, retryAfterS } = await statusOf(response)
    expect([code, retryAfterS]).toEqual([http === 413 ? 8 : 3, undefined])
    expect(message).not.toBe('')
  })

  it('receiver - a zstd frame that asks for more memory than a body may have is not decoded', async () => {
    // A header that announces a window of 2 GiB, and a raw block.
    const frame = Buffer.from('28b52ffd00a8010000', 'hex')
    const response = await post(frame, encoded('zstd'))
    expect([response.status, (await statusOf(response)).message]).toEqual([
      400,
      'body: Frame requires too much memory for decoding',
    ])
  })

  it('receiver - malformed JSON is answered in JSON, naming the place', async () => {
    const response = await post('{"resourceSpans": [{"scopeSpans": 7}]}', { 'content-type': JSON_TYPE })
    expect([response.status, response.headers.get('content-type')]).toEqual([400, JSON_TYPE])
    expect(await response.json()).toEqual({
      code: 3,
      message: 'OTLP JSON: resourceSpans[0].scopeSpans is 7, expected a list',
    })
  })

  it('receiver - JSON as deep as its body allows is refused, not followed', async () => {
    const deep = `{"resourceSpans":${'['.repeat(45_000)}${']'.repeat(45_000)}}`
    expect((await post(deep, { 'content-type': JSON_TYPE })).status).toBe(400)
  })

  it.each(['text/plain', 'application/protobuf', 'application/x-protobuffer', 'application/grpc', ''])(
    'receiver - content type %j',
    async (type) => {
      expect((await post(BODY, { 'content-type': type })).status).toBe(415)
    },
  )

  it('receiver - a body without a content type', async () => {
    const { status } = await fetch(receiving.url(), { method: 'POST', body: BODY as Uint8Array<ArrayBuffer> })
    expect(status).toBe(415)
  })

  it('receiver - other paths are not found, other methods are not allowed', async () => {
    for (const path of [
      '/',
      '/v1',
      '/v1/profiles',
      '/v1/traces/',
      '/V1/traces',
      '/v1/traces%2f',
      '//v1/traces',
    ])
      expect((await postTo(receiving.url(path), BODY)).status).toBe(404)
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const response = await fetch(receiving.url(), { method })
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, 'POST'])
    }
    for (const path of ['/healthz', '/readyz'])
      expect((await postTo(receiving.url(path), '')).status).toBe(405)
  })

  it('receiver - a connection goes on after a refused body', async () => {
    const answers = await onOneConnection([
      Buffer.alloc(MAX_BODY_BYTES + 1),
      Buffer.alloc(5_000_000),
      new Uint8Array(),
    ])
    expect(answers).toEqual([413, 413, 200])
    receiving.received = []
  })
})

describe('faults', () => {
  it('receiver - what cannot be stored now is to be sent again', async () => {
    receiving.become = () => {
      throw new HoldpointError('UNAVAILABLE', 'the store is down', { retryable: true })
    }
    const response = await post(BODY)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    expect(await statusOf(response)).toEqual({ code: 14, message: 'the store is down', retryAfterS: 5 })
    const asJson = await post('{}', { 'content-type': JSON_TYPE })
    expect(await asJson.json()).toEqual({
      code: 14,
      message: 'the store is down',
      details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: '5s' }],
    })
  })

  it.each<[string, HoldpointError, number, number]>([
    ['a body that is no OTLP', new HoldpointError('INVALID_INPUT', 'no OTLP'), 400, 3],
    ['a body of too many parts', new HoldpointError('PAYLOAD_TOO_LARGE', 'too many parts'), 413, 8],
    [
      'a ledger that is behind',
      new HoldpointError('LEDGER_UNAVAILABLE', 'behind', { retryable: true }),
      503,
      14,
    ],
    ['what is unavailable', new HoldpointError('UNAVAILABLE', 'gone'), 503, 14],
  ])('receiver - %s', async (_, error, http, code) => {
    receiving.become = () => Promise.reject(error)
    const response = await post(BODY)
    expect(response.status).toBe(http)
    expect(await statusOf(response)).toMatchObject({ code, message: error.message })
    expect(response.headers.get('retry-after')).toBe(http === 503 ? '5' : null)
  })

  it('receiver - a fault of ours is logged, and not explained to strangers', async () => {
    const error = new TypeError('secret detail')
    receiving.become = () => Promise.reject(error)
    const response = await post(BODY)
    expect([response.status, (await statusOf(response)).message]).toEqual([
      500,
      'the request could not be handled; the log says why',
    ])
    expect(receiving.log.lines.at(-1)).toMatchObject({ level: 'error', fields: { error } })
  })

  it('receiver - more bytes in flight than there is room for are asked to come again', async () => {
    const body = Buffer.alloc(MAX_BODY_BYTES, '\x0a\0')
    const gate = Promise.withResolvers<Accepted>()
    receiving.become = () => gate.promise
    const refused: Response[] = []
    const allRefused = Promise.withResolvers<void>()
    const answers = Array.from({ length: 12 }, async () => {
      const response = await post(body)
      if (response.status !== 200) refused.push(response)
      if (refused.length === 10) allRefused.resolve()
      return response.status
    })
    await allRefused.promise
    gate.resolve({ rejected: 0 })
    expect((await Promise.all(answers)).filter((status) => status === 200)).toHaveLength(2)
    for (const response of refused) {
      expect([response.status, response.headers.get('retry-after')]).toEqual([429, '5'])
      expect(await statusOf(response)).toMatchObject({ code: 8, retryAfterS: 5 })
    }
    receiving.become = () => ({ rejected: 0 })
    expect((await post(body)).status).toBe(200)
  })
})

describe('probes', () => {
  it('receiver - it says that it is alive, and that it is ready', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const response = await fetch(receiving.url(path))
      expect([response.status, await response.json()]).toEqual([200, { ok: true }])
    }
  })

  it('receiver - while nothing can be accepted it is alive, and says why it is not ready', async () => {
    let why: string | undefined = 'NATS cannot be reached'
    const other = await startReceiving({}, { whyNotReady: () => why })
    expect((await fetch(other.url('/healthz'))).status).toBe(200)
    const response = await fetch(other.url('/readyz'))
    expect([response.status, await response.json()]).toEqual([503, { ok: false, reason: why }])
    why = undefined
    expect((await fetch(other.url('/readyz'))).status).toBe(200)
  })
})

describe('ports', () => {
  it('receiver - a port that is taken stops the start, with its key, and nothing is left listening', async () => {
    const taken = receiving.httpPort()
    await expect(startReceiving({ port: taken })).rejects.toThrow(
      `pipeline.port: port ${taken} on 127.0.0.1 is taken`,
    )
    const other = createReceiving({ grpcPort: taken })
    await expect(other.start()).rejects.toThrow(`pipeline.grpcPort: port ${taken} on 127.0.0.1 is taken`)
    await expect(fetch(other.url('/healthz'))).rejects.toThrow()
  })

  it('receiver - where ports are flexible, the next free ones are taken', async () => {
    const taken = receiving.httpPort()
    const other = await startReceiving({ port: taken, grpcPort: taken, isPortFlexible: true })
    expect(new Set([taken, other.httpPort(), other.grpcPort()]).size).toBe(3)
    expect(other.httpPort()).toBeGreaterThan(taken)
    expect((await postTo(other.url(), BODY)).status).toBe(200)
  })

  it('receiver - nobody is told of a port before there is one', () => {
    expect(() => createReceiving().httpPort()).toThrow('have not been started')
    expect(() => createReceiving().grpcPort()).toThrow('have not been started')
  })
})

describe('stopping', () => {
  it('receiver - what has begun is finished, nothing new is taken, and it may be asked twice', async () => {
    const other = await startReceiving()
    const gate = Promise.withResolvers<Accepted>()
    const begun = Promise.withResolvers<void>()
    other.become = () => {
      begun.resolve()
      return gate.promise
    }
    const open = post200(other.url())
    await begun.promise
    const stopped = Promise.all([other.stop(), other.stop()])
    await expect(postTo(other.url(), BODY)).rejects.toThrow()
    gate.resolve({ rejected: 0 })
    expect(await open).toBe(200)
    await stopped
    await other.stop()
  })

  it('receiver - what takes too long is cut off', async () => {
    const other = await startReceiving({ drainMs: 50 })
    const begun = Promise.withResolvers<void>()
    other.become = () => {
      begun.resolve()
      return new Promise(() => {})
    }
    const open = postTo(other.url(), BODY)
    open.catch(() => {})
    await begun.promise
    await other.stop()
    await expect(open).rejects.toThrow()
  })

  it('receiver - one that was never started can be stopped', async () => {
    await expect(createReceiving().stop()).resolves.toBeUndefined()
  })
})

const post200 = async (url: string): Promise<number> => (await postTo(url, BODY)).status

function flipped(bytes: Buffer, at: number): Buffer {
  const changed = Buffer.from(bytes)
  changed[changed.length + at] = (changed.at(at) ?? 0) ^ 1
  return changed
}

async function onOneConnection(bodies: Uint8Array[]): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const statuses: number[] = []
  const ports = new Set<number | undefined>()
  for (const body of bodies) {
    const call = httpRequest(receiving.url(), {
      method: 'POST',
      agent,
      headers: { 'content-type': PROTOBUF, 'content-length': body.length },
    })
    call.end(body)
    const [response] = (await once(call, 'response')) as [IncomingMessage]
    ports.add(response.socket.localPort)
    statuses.push(response.statusCode ?? 0)
    response.resume()
    await once(response, 'end')
  }
  agent.destroy()
  expect(ports.size).toBe(1)
  return statuses
}
