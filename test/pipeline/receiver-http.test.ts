import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { BinaryReader } from '@bufbuild/protobuf/wire'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
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
