import { once } from 'node:events'
import { connect } from 'node:http2'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { callRaw, framed, METHOD, openClient } from './grpc-client.ts'
import {
  BODY,
  createReceiving,
  expectRoom,
  MAX_BODY_BYTES,
  openRaw,
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

const EMPTY = { message: Buffer.alloc(0) }

describe('refusals', () => {
  afterEach(() => expect(receiving.received).toEqual([]))

  const gzip = { 'grpc-encoding': 'gzip' }
  it.each<[string, Uint8Array, Record<string, string>, number]>([
    ['no message', Buffer.alloc(0), {}, 3],
    ['a head cut short', Buffer.from([0, 0]), {}, 3],
    ['a message cut short', framed(BODY, { length: BODY.length + 1 }), {}, 3],
    ['more than was announced', framed(BODY, { length: BODY.length - 1 }), {}, 3],
    ['two messages', Buffer.concat([framed(BODY), framed(BODY)]), {}, 3],
    ['a flag that nobody knows', framed(BODY, { flag: 2 }), {}, 3],
    ['a compressed message without a name of how', framed(gzipSync(BODY), { flag: 1 }), {}, 3],
    ['what is no gzip', framed(BODY, { flag: 1 }), gzip, 3],
    ['gzip cut short', framed(gzipSync(BODY).subarray(0, 30), { flag: 1 }), gzip, 3],
    ['junk behind gzip', framed(Buffer.concat([gzipSync(BODY), BODY]), { flag: 1 }), gzip, 3],
    ['an encoding that nobody knows', framed(BODY, { flag: 1 }), { 'grpc-encoding': 'snappy' }, 12],
    [
      'a method that nobody knows',
      framed(BODY),
      { ':path': '/opentelemetry.proto.collector.trace.v1.TraceService/Import' },
      12,
    ],
    [
      'profiles',
      framed(BODY),
      { ':path': '/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export' },
      12,
    ],
    ['a message over the limit', framed(Buffer.alloc(MAX_BODY_BYTES + 1)), {}, 8],
    ['a bomb', framed(gzipSync(Buffer.alloc(50_000_000)), { flag: 1 }), gzip, 8],
  ])('receiver - by gRPC %s', async (_, bytes, headers, code) => {
    const answer = await callRaw(receiving.grpcPort(), bytes, { headers })
    expect([answer[':status'], answer['grpc-status']]).toEqual([200, String(code)])
    expect(answer['grpc-message']).toMatch(/^[ -~]+$/)
    expect(answer['grpc-accept-encoding']).toBe('gzip,deflate,zstd,identity')
  })

  it('receiver - a length over the limit is refused before anything of it is sent', async () => {
    const bytes = framed(Buffer.alloc(0), { length: MAX_BODY_BYTES + 1 })
    const answer = await callRaw(receiving.grpcPort(), bytes, { ends: false })
    expect(answer['grpc-status']).toBe('8')
  })

  it('receiver - too large is told without a time to come again, by the real client too', async () => {
    const reply = await openClient(receiving.grpcPort())(METHOD.traces, Buffer.alloc(5_000_000))
    const message = `the body is larger than ${MAX_BODY_BYTES} bytes`
    expect(reply).toEqual({ code: 8, details: message, status: { code: 8, message } })
  })

  it('receiver - a connection goes on after any number of refused messages', async () => {
    const call = openClient(receiving.grpcPort())
    for (let nth = 0; nth < 20; nth++) {
      const replies = await Promise.all([1, 2].map(() => call(METHOD.traces, Buffer.alloc(2_000_000))))
      expect(replies).toMatchObject([{ code: 8 }, { code: 8 }])
    }
    expect(await call(METHOD.logs, Buffer.alloc(MAX_BODY_BYTES))).toEqual(EMPTY)
    receiving.received = []
  })

  it.each<[string, Record<string, string>, number]>([
    ['another content type', { 'content-type': 'application/x-protobuf' }, 415],
    ['gRPC with JSON', { 'content-type': 'application/grpc+json' }, 415],
    ['gRPC for browsers', { 'content-type': 'application/grpc-web' }, 415],
    ['another method', { ':method': 'PUT' }, 405],
  ])('receiver - %s is answered as HTTP does', async (_, headers, status) => {
    const answer = await callRaw(receiving.grpcPort(), framed(BODY), { headers })
    expect([answer[':status'], answer['grpc-status']]).toEqual([status, undefined])
  })
})

describe('senders who take their time', () => {
  it.each<[string, Uint8Array]>([
    ['nothing but headers', Buffer.alloc(0)],
    ['the beginning of a head', Buffer.of(0)],
    ['the beginning of a message', framed(Buffer.alloc(10), { length: 90_000 })],
  ])('receiver - a call of %s is told that it was too slow', async (_, bytes) => {
    const slow = await startReceiving({ requestTimeoutMs: 300 })
    const answer = await callRaw(slow.grpcPort(), bytes, { ends: false })
    expect([answer['grpc-status'], answer['grpc-message']]).toEqual([
      '4',
      'the message did not arrive in time',
    ])
    expect(slow.received).toEqual([])
  })

  it.each<[string, string]>([
    ['says nothing', ''],
    ['says half a greeting', 'PRI * HTTP/2.0\r\n'],
    ['speaks HTTP/1.1', 'POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['speaks something else', '\x16\x03\x01\x02\x00\x01'],
  ])('receiver - a connection that %s is cut off', async (_, said) => {
    const slow = await startReceiving({ requestTimeoutMs: 300 })
    const raw = openRaw(slow.grpcPort())
    raw.socket.write(said, 'latin1')
    await raw.closed
    expect(slow.received).toEqual([])
  })

  it.each([
    ['before its message', Buffer.of(0, 0)],
    ['in the middle', framed(Buffer.alloc(90_000), { length: 95_000 })],
  ])('receiver - a call that breaks off %s leaves nothing behind', async (_, bytes) => {
    const session = connect(`http://127.0.0.1:${receiving.grpcPort()}`)
    await once(session, 'connect')
    const stream = session.request({
      ':method': 'POST',
      ':path': METHOD.traces,
      'content-type': 'application/grpc',
    })
    stream.on('error', () => {})
    stream.write(bytes)
    await new Promise((resolve) => session.ping(resolve))
    session.destroy()
    await expectRoom(receiving)
    expect(receiving.log.lines.filter(({ level }) => level === 'error')).toEqual([])
  })
})
