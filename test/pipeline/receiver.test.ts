import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { deflateSync, gzipSync } from 'node:zlib'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HoldpointError } from '#contract'
import type { Component } from '#runtime'
import type { Accepted } from '../../src/pipeline/http/answer.ts'
import { createReceiver } from '../../src/pipeline/http/receiver.ts'
import type { ResourceSpans } from '../../src/pipeline/otlp/span.ts'
import { createFakeLog } from '../support/log.ts'
import { aSpan, encodeJson, encodeProtobuf } from './encode.ts'

const MAX_BODY_BYTES = 100_000
const PROTOBUF = 'application/x-protobuf'
const JSON_TYPE = 'application/json'
const BODY = encodeProtobuf({ spans: [aSpan()] })

let receiver: Component & { port(): number }
let received: ResourceSpans[][]
let answer: () => Accepted | Promise<Accepted>

const create = (over: { requestTimeoutMs?: number } = {}) =>
  createReceiver(
    { host: '127.0.0.1', port: 0, maxBodyBytes: MAX_BODY_BYTES, ...over },
    {
      log: createFakeLog(),
      async accept({ spans }) {
        received.push(spans)
        return answer()
      },
    },
  )

beforeAll(async () => {
  receiver = create()
  await receiver.start()
})
afterAll(() => receiver.stop())
beforeEach(() => {
  received = []
  answer = () => ({ rejectedSpans: 0 })
})

const url = (path = '/v1/traces'): string => `http://127.0.0.1:${receiver.port()}${path}`
const post = (
  body: Uint8Array | string,
  headers: Record<string, string> = { 'content-type': PROTOBUF },
): Promise<Response> => fetch(url(), { method: 'POST', body: body as Uint8Array<ArrayBuffer>, headers })

async function statusOf(response: Response): Promise<{ code?: number; message?: string }> {
  const reader = new BinaryReader(new Uint8Array(await response.arrayBuffer()))
  const status: { code?: number; message?: string } = {}
  while (reader.pos < reader.len) {
    const [no, wire] = reader.tag()
    if (no === 1) status.code = reader.int32()
    else if (no === 2) status.message = reader.string()
    else reader.skip(wire)
  }
  return status
}

describe('answers', () => {
  it('receiver - a stored protobuf batch is answered with the empty message', async () => {
    const response = await post(BODY)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, PROTOBUF])
    expect((await response.arrayBuffer()).byteLength).toBe(0)
    expect(received[0]?.[0]?.scopes[0]?.spans).toHaveLength(1)
  })

  it('receiver - a stored JSON batch is answered with the empty object', async () => {
    const response = await post(encodeJson({ spans: [aSpan()] }), {
      'content-type': `${JSON_TYPE}; charset=utf-8`,
    })
    expect([response.status, response.headers.get('content-type')]).toEqual([200, JSON_TYPE])
    expect(await response.json()).toEqual({})
  })

  it('receiver - spans that were rejected are counted, with the reason', async () => {
    answer = () => ({ rejectedSpans: 2, errorMessage: '2 × bad ids' })
    const asJson = await post('{}', { 'content-type': JSON_TYPE })
    expect(await asJson.json()).toEqual({
      partialSuccess: { rejectedSpans: '2', errorMessage: '2 × bad ids' },
    })

    const reader = new BinaryReader(new Uint8Array(await (await post(BODY)).arrayBuffer()))
    expect(reader.tag()).toEqual([1, 2])
    expect(reader.uint32()).toBe(reader.len - reader.pos)
    expect([reader.tag(), reader.int64()]).toEqual([[1, 0], 2n])
    expect([reader.tag(), reader.string()]).toEqual([[2, 2], '2 × bad ids'])
  })

  it.each([
    ['gzip', gzipSync],
    ['GZip', gzipSync],
    ['deflate', deflateSync],
    ['identity', (body: Uint8Array) => body],
  ])('receiver - %s is understood', async (encoding, compress) => {
    const response = await post(compress(BODY), { 'content-type': PROTOBUF, 'content-encoding': encoding })
    expect(response.status).toBe(200)
    expect(received[0]?.[0]?.scopes[0]?.spans).toHaveLength(1)
  })

  it('receiver - it says that it is alive', async () => {
    const response = await fetch(url('/healthz'))
    expect([response.status, await response.json()]).toEqual([200, { ok: true }])
  })
})

describe('refusals', () => {
  afterEach(() => expect(received).toEqual([]))

  it.each<[string, Uint8Array, Record<string, string>, number]>([
    ['a malformed body', Buffer.from('\u0007nonsense'), { 'content-type': PROTOBUF }, 400],
    ['a body cut short', BODY.subarray(0, BODY.length - 1), { 'content-type': PROTOBUF }, 400],
    [
      'broken compression',
      Buffer.from('no gzip'),
      { 'content-type': PROTOBUF, 'content-encoding': 'gzip' },
      400,
    ],
    [
      'compression cut short',
      gzipSync(BODY).subarray(0, 30),
      { 'content-type': PROTOBUF, 'content-encoding': 'gzip' },
      400,
    ],
    [
      'gzip that calls itself deflate',
      gzipSync(BODY),
      { 'content-type': PROTOBUF, 'content-encoding': 'deflate' },
      400,
    ],
    ['an encoding that nobody knows', BODY, { 'content-type': PROTOBUF, 'content-encoding': 'lzma' }, 415],
    ['two encodings', BODY, { 'content-type': PROTOBUF, 'content-encoding': 'gzip, gzip' }, 415],
    ['a body over the limit', Buffer.alloc(MAX_BODY_BYTES + 1), { 'content-type': PROTOBUF }, 413],
    ['a body far over the limit', Buffer.alloc(5_000_000), { 'content-type': PROTOBUF }, 413],
    [
      'a decompression bomb',
      gzipSync(Buffer.alloc(50_000_000)),
      { 'content-type': PROTOBUF, 'content-encoding': 'gzip' },
      413,
    ],
    [
      'an endless run of empty gzip members',
      Buffer.concat(Array(6_000).fill(gzipSync(''))),
      { 'content-type': PROTOBUF, 'content-encoding': 'gzip' },
      413,
    ],
    ['a body of hollow parts', Buffer.alloc(90_000, '\n\0'), { 'content-type': PROTOBUF }, 413],
  ])('receiver - %s', async (_, body, headers, http) => {
    const response = await post(body, headers)
    expect([response.status, response.headers.get('content-type')]).toEqual([http, PROTOBUF])
    const { code, message } = await statusOf(response)
    expect(code).toBe(http === 413 ? 8 : 3)
    expect(message).not.toBe('')
  })

  it('receiver - malformed JSON is answered in JSON, naming the place', async () => {
    const response = await post('{"resourceSpans": [{"scopeSpans": 7}]}', { 'content-type': JSON_TYPE })
    expect([response.status, response.headers.get('content-type')]).toEqual([400, JSON_TYPE])
    expect(await response.json()).toEqual({
      code: 3,
      message: 'OTLP JSON: resourceSpans[0].scopeSpans is 7, expected a list',
    })
  })

  it.each(['text/plain', 'application/protobuf', 'application/x-protobuffer', ''])(
    'receiver - content type %j',
    async (type) => {
      expect((await post(BODY, { 'content-type': type })).status).toBe(415)
    },
  )

  it('receiver - other paths are not found, other methods are not allowed', async () => {
    expect((await fetch(url('/v1/metrics'), { method: 'POST', body: '' })).status).toBe(404)
    expect((await fetch(url('/v1/traces/'), { method: 'POST', body: '' })).status).toBe(404)
    for (const method of ['GET', 'PUT', 'DELETE', 'OPTIONS']) {
      const response = await fetch(url(), { method })
      expect([method, response.status, response.headers.get('allow')]).toEqual([method, 405, 'POST'])
    }
    expect((await fetch(url('/healthz'), { method: 'POST', body: '' })).status).toBe(405)
  })

  it('receiver - a connection goes on after a refused body', async () => {
    const answers = await onOneConnection([
      Buffer.alloc(MAX_BODY_BYTES + 1),
      Buffer.from('\u0007'),
      new Uint8Array(),
    ])
    expect(answers).toEqual([413, 400, 200])
    received = []
  })
})

describe('faults', () => {
  it('receiver - what cannot be stored now is to be sent again', async () => {
    answer = () => {
      throw new HoldpointError('UNAVAILABLE', 'the store is down', { retryable: true })
    }
    const response = await post(BODY)
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5'])
    expect(await statusOf(response)).toEqual({ code: 14, message: 'the store is down' })
  })

  it('receiver - a fault of ours is not explained to strangers', async () => {
    answer = () => {
      throw new TypeError('secret detail')
    }
    const response = await post(BODY)
    expect([response.status, (await statusOf(response)).message]).toEqual([
      500,
      'the batch could not be handled; the log says why',
    ])
  })

  it('receiver - more bytes in flight than there is room for are asked to come again', async () => {
    const body = Buffer.concat([
      BODY,
      encodeProtobuf({ spans: Array(800).fill(aSpan({ name: 'x'.repeat(40) })) }),
    ])
    const gate = Promise.withResolvers<Accepted>()
    answer = () => gate.promise
    const statuses = Array.from({ length: 12 }, () => post(body).then((response) => response.status))
    const first = await Promise.race(statuses)
    expect(first).toBe(503)
    gate.resolve({ rejectedSpans: 0 })
    const all = await Promise.all(statuses)
    expect(all.filter((status) => status === 200).length).toBeGreaterThan(0)
    expect(all.every((status) => status === 200 || status === 503)).toBe(true)
    answer = () => ({ rejectedSpans: 0 })
    expect((await post(body)).status).toBe(200)
  })

  it('receiver - a sender that dribbles is cut off', async () => {
    const slow = create({ requestTimeoutMs: 100 })
    await slow.start()
    try {
      const socket = connect(slow.port(), '127.0.0.1')
      socket.write(
        `POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: ${PROTOBUF}\r\nContent-Length: 100\r\n\r\nab`,
      )
      let said = ''
      socket.on('data', (chunk: Buffer) => {
        said += chunk.toString()
      })
      await once(socket, 'close')
      expect(said).toMatch(/^HTTP\/1\.1 408 /)
      expect(received).toEqual([])
    } finally {
      await slow.stop()
    }
  })

  it('receiver - stopping finishes what has begun, takes nothing new, and may be asked twice', async () => {
    const other = create()
    await other.start()
    const target = `http://127.0.0.1:${other.port()}/v1/traces`
    const gate = Promise.withResolvers<Accepted>()
    const begun = Promise.withResolvers<void>()
    answer = () => {
      begun.resolve()
      return gate.promise
    }
    const open = fetch(target, {
      method: 'POST',
      body: BODY as Uint8Array<ArrayBuffer>,
      headers: { 'content-type': PROTOBUF },
    })
    await begun.promise
    const stopped = Promise.all([other.stop(), other.stop()])
    await expect(fetch(target, { method: 'POST', body: BODY as Uint8Array<ArrayBuffer> })).rejects.toThrow()
    gate.resolve({ rejectedSpans: 0 })
    expect((await open).status).toBe(200)
    await stopped
  })
})

async function onOneConnection(bodies: Uint8Array[]): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const statuses: number[] = []
  const ports = new Set<number | undefined>()
  for (const body of bodies) {
    const call = httpRequest(url(), {
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
