import { once } from 'node:events'
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { HoldpointError } from '#contract'
import type { Accepted } from '../../src/pipeline/otlp/signal.ts'
import { callRaw, framed, HEALTH, METHOD, openClient } from './grpc-client.ts'
import {
  BODY,
  createReceiving,
  MAX_BODY_BYTES,
  openRaw,
  post,
  type Receiving,
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

const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}
const EMPTY = { message: Buffer.alloc(0) }

describe('answers', () => {
  it.each(['traces', 'logs', 'metrics'] as const)(
    'receiver - %s by gRPC are handed on, and answered with the empty message',
    async (signal) => {
      const call = openClient(receiving.grpcPort())
      expect(await call(METHOD[signal], BODY)).toEqual(EMPTY)
      expect(receiving.received).toEqual([{ signal, body: BODY, atMs: receiving.clock.nowMs }])
    },
  )

  it('receiver - a message of no bytes is a request without anything in it', async () => {
    expect(await openClient(receiving.grpcPort())(METHOD.logs, Buffer.alloc(0))).toEqual(EMPTY)
    expect(receiving.received[0]?.body).toHaveLength(0)
  })

  it('receiver - a message as large as is allowed arrives whole', async () => {
    const body = Buffer.alloc(MAX_BODY_BYTES, 'abc')
    expect(await openClient(receiving.grpcPort())(METHOD.traces, body)).toEqual(EMPTY)
    expect(Buffer.from(receiving.received[0]?.body ?? []).equals(body)).toBe(true)
  })

  it('receiver - partial success is counted, with the reason', async () => {
    receiving.become = () => ({ rejected: 2, errorMessage: 'two' })
    const reply = await openClient(receiving.grpcPort())(METHOD.metrics, BODY)
    expect(reply).toEqual({ message: Buffer.from('0a0708021203' + '74776f', 'hex') })
  })

  it.each([
    ['gzip', 2],
    ['deflate', 1],
  ])('receiver - the real client compresses by %s', async (_, algorithm) => {
    const call = openClient(receiving.grpcPort(), { 'grpc.default_compression_algorithm': algorithm })
    expect(await call(METHOD.traces, BODY)).toEqual(EMPTY)
    expect(receiving.received[0]?.body).toEqual(BODY)
  })

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['zstd', zstdCompressSync],
  ])('receiver - a message compressed by %s arrives', async (encoding, compress) => {
    const answer = await callRaw(receiving.grpcPort(), framed(compress(BODY), { flag: 1 }), {
      headers: { 'grpc-encoding': encoding },
    })
    expect([answer[':status'], answer['grpc-status']]).toEqual([200, '0'])
    expect(receiving.received[0]?.body).toEqual(BODY)
  })

  it('receiver - a message that says it is not compressed is taken as it is, whatever the call names', async () => {
    const headers = { 'grpc-encoding': 'gzip', 'content-type': 'application/grpc+proto' }
    expect((await callRaw(receiving.grpcPort(), framed(BODY), { headers }))['grpc-status']).toBe('0')
    expect(receiving.received[0]?.body).toEqual(BODY)
  })
})

describe('faults', () => {
  it('receiver - by gRPC, what cannot be stored now is unavailable, and may come again in a while', async () => {
    receiving.become = () =>
      Promise.reject(new HoldpointError('UNAVAILABLE', 'der Speicher fällt aus: 100 %'))
    const reply = await openClient(receiving.grpcPort())(METHOD.traces, BODY)
    const message = 'der Speicher fällt aus: 100 %'
    expect(reply).toEqual({ code: 14, details: message, status: { code: 14, message, retryAfterS: 5 } })
  })

  it('receiver - by gRPC, what is no OTLP is an invalid argument', async () => {
    receiving.become = () => Promise.reject(new HoldpointError('INVALID_INPUT', 'no OTLP'))
    const reply = await openClient(receiving.grpcPort())(METHOD.traces, BODY)
    expect(reply).toEqual({ code: 3, details: 'no OTLP', status: { code: 3, message: 'no OTLP' } })
  })

  it('receiver - by gRPC, a fault of ours is logged, and not explained to strangers', async () => {
    receiving.become = () => Promise.reject(new TypeError('secret detail'))
    const reply = await openClient(receiving.grpcPort())(METHOD.traces, BODY)
    expect(reply).toMatchObject({ code: 13, details: 'the request could not be handled; the log says why' })
    expect(receiving.log.lines.at(-1)?.level).toBe('error')
  })

  it('receiver - a bound that both protocols share is told with a time to come again', async () => {
    const gate = Promise.withResolvers<Accepted>()
    receiving.become = () => gate.promise
    const held = [1, 2].map(() => post(receiving.url(), Buffer.alloc(MAX_BODY_BYTES)))
    await until(() => receiving.received.length === 2)
    const reply = await openClient(receiving.grpcPort())(METHOD.traces, BODY)
    expect(reply).toMatchObject({ code: 8, status: { code: 8, retryAfterS: 5 } })
    gate.resolve({ rejected: 0 })
    await Promise.all(held)
    expect(await openClient(receiving.grpcPort())(METHOD.traces, BODY)).toEqual(EMPTY)
  })

  it('receiver - by gRPC, more calls at once than are allowed are refused before they are read', async () => {
    const other = await startReceiving({ maxRequests: 3 })
    const gate = Promise.withResolvers<Accepted>()
    other.become = () => gate.promise
    const call = openClient(other.grpcPort())
    const held = [1, 2, 3].map(() => call(METHOD.traces, BODY))
    await until(() => other.received.length === 3)
    const headersAlone = await callRaw(other.grpcPort(), Buffer.alloc(0), { ends: false })
    expect(headersAlone['grpc-status']).toBe('8')
    gate.resolve({ rejected: 0 })
    expect(await Promise.all(held)).toEqual([EMPTY, EMPTY, EMPTY])
  })

  it('receiver - hundreds of calls at once over one connection all arrive', async () => {
    const call = openClient(receiving.grpcPort())
    const replies = await Promise.all(Array.from({ length: 500 }, () => call(METHOD.traces, BODY)))
    expect(replies).toEqual(Array(500).fill(EMPTY))
  })
})

describe('health', () => {
  const serviceNamed = (name: string) => Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name)])

  it('receiver - the health service says that it serves, and whether it may', async () => {
    let why: string | undefined
    const other = await startReceiving({}, { whyNotReady: () => why })
    const call = openClient(other.grpcPort())
    expect(await call(HEALTH, Buffer.alloc(0))).toEqual({ message: Buffer.from([8, 1]) })
    why = 'NATS cannot be reached'
    expect(await call(HEALTH, Buffer.alloc(0))).toEqual({ message: Buffer.from([8, 2]) })
  })

  it('receiver - the health of anything else is not known', async () => {
    const call = openClient(receiving.grpcPort())
    expect(await call(HEALTH, serviceNamed('other'))).toMatchObject({ code: 5 })
    expect(await call(HEALTH, Buffer.from([0x0a, 99]))).toMatchObject({ code: 3 })
    expect(await call('/grpc.health.v1.Health/Watch', Buffer.alloc(0))).toMatchObject({ code: 12 })
  })
})

describe('stopping', () => {
  it('receiver - calls under way are answered, and it may be asked twice', async () => {
    const other = await startReceiving()
    const gate = Promise.withResolvers<Accepted>()
    other.become = () => gate.promise
    const call = openClient(other.grpcPort())
    const open = call(METHOD.traces, BODY)
    await until(() => other.received.length === 1)
    const stopped = Promise.all([other.stop(), other.stop()])
    expect(await openClient(other.grpcPort())(METHOD.traces, BODY)).toMatchObject({ code: 14 })
    gate.resolve({ rejected: 0 })
    expect(await open).toEqual(EMPTY)
    await stopped
  })

  it('receiver - calls that take too long are cut off, and so are idle connections', async () => {
    const other = await startReceiving({ drainMs: 50 })
    other.become = () => new Promise(() => {})
    const silent = openRaw(other.grpcPort())
    await once(silent.socket, 'connect')
    const open = openClient(other.grpcPort())(METHOD.traces, BODY)
    await until(() => other.received.length === 1)
    await other.stop()
    expect(await open).toMatchObject({ code: 14 })
    await silent.closed
  })
})
