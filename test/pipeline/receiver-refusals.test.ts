import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
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
