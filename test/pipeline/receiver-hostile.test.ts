import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { Accepted } from '../../src/pipeline/otlp/signal.ts'
import {
  BODY,
  expectRoom,
  MAX_BODY_BYTES,
  openRaw,
  PROTOBUF,
  post,
  type Raw,
  startReceiving,
} from './receiving.ts'

/** A request line and headers; what is not said of the body goes by the chunk. */
const head = (headers: Record<string, string | number> = {}, path = '/v1/traces'): string =>
  [
    `POST ${path} HTTP/1.1`,
    'Host: receiver',
    `Content-Type: ${PROTOBUF}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    '',
    '',
  ].join('\r\n')

const statuses = ({ said }: Raw): string[] =>
  [...said().matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code ?? '')

const until = async (isTrue: () => boolean): Promise<void> => {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve))
}

describe('senders who take their time', () => {
  it.each([
    ['headers', 'POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-Slow: a'],
    ['a body', `${head({ 'Content-Length': 100 })}ab`],
    ['chunks', `${head({ 'Transfer-Encoding': 'chunked' })}2\r\nab\r\n`],
    ['a compressed body', `${head({ 'Content-Length': 100, 'Content-Encoding': 'gzip' })}\x1f`],
  ])('receiver - one that dribbles %s is told so, and cut off', async (_, begun) => {
    const receiving = await startReceiving({ requestTimeoutMs: 500 })
    const raw = openRaw(receiving.httpPort())
    raw.socket.write(begun, 'latin1')
    await raw.closed
    expect(raw.said()).toMatch(/^HTTP\/1\.1 408 /)
    expect(receiving.received).toEqual([])
    await expectRoom(receiving)
  })
})

describe('bodies in pieces', () => {
  it('receiver - a body in chunks of one byte is one body', async () => {
    const receiving = await startReceiving()
    const raw = openRaw(receiving.httpPort())
    raw.socket.write(head({ 'Transfer-Encoding': 'chunked', Connection: 'close' }))
    for (const byte of BODY)
      raw.socket.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.of(byte), Buffer.from('\r\n')]))
    raw.socket.write('0\r\n\r\n')
    await raw.closed
    expect(statuses(raw)).toEqual(['200'])
    expect(receiving.received[0]?.body).toEqual(BODY)
  })

  it('receiver - chunks that go on without end are refused at the limit', async () => {
    const receiving = await startReceiving()
    const raw = openRaw(receiving.httpPort())
    raw.socket.write(head({ 'Transfer-Encoding': 'chunked' }))
    const chunk = `1000\r\n${'x'.repeat(0x1000)}\r\n`
    for (let sent = 0; sent < MAX_BODY_BYTES; sent += 0x1000) raw.socket.write(chunk)
    await until(() => raw.said() !== '')
    expect(statuses(raw)).toEqual(['413'])
    await expectRoom(receiving)
  })

  it.each([
    ['a chunk whose size is no number', `${head({ 'Transfer-Encoding': 'chunked' })}zz\r\n`],
    ['two lengths', head({ 'Content-Length': '3\r\nContent-Length: 4' })],
    ['a length and chunks', head({ 'Content-Length': 3, 'Transfer-Encoding': 'chunked' })],
    ['a negative length', head({ 'Content-Length': -1 })],
    ['what is no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['the beginning of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('receiver - %s is answered with 400', async (_, sent) => {
    const receiving = await startReceiving()
    const raw = openRaw(receiving.httpPort())
    raw.socket.write(sent, 'latin1')
    await raw.closed
    expect(statuses(raw)).toEqual(['400'])
    expect(receiving.received).toEqual([])
  })

  it('receiver - headers that do not end are answered with 431', async () => {
    const receiving = await startReceiving()
    const raw = openRaw(receiving.httpPort())
    raw.socket.write(`POST /v1/traces HTTP/1.1\r\nX-Long: ${'x'.repeat(40_000)}`)
    await raw.closed
    expect(statuses(raw)).toEqual(['431'])
  })
})

describe('one connection', () => {
  it('receiver - pipelined requests are answered in their order', async () => {
    const receiving = await startReceiving()
    const first = Promise.withResolvers<Accepted>()
    receiving.become = ({ signal }) => (signal === 'traces' ? first.promise : { rejected: 0 })
    const raw = openRaw(receiving.httpPort())
    const request = (path: string, more: Record<string, string> = {}) =>
      `${head({ 'Content-Length': 2, ...more }, path)}\n\0`
    raw.socket.write(
      request('/v1/traces') +
        request('/v1/logs') +
        request('/v1/nothing') +
        request('/v1/metrics', { Connection: 'close' }),
    )
    await until(() => receiving.received.length === 3)
    expect(raw.said()).toBe('')
    first.resolve({ rejected: 0 })
    await raw.closed
    expect(statuses(raw)).toEqual(['200', '200', '404', '200'])
  })

  it('receiver - a sender that breaks off in the middle leaves nothing behind', async () => {
    const receiving = await startReceiving()
    for (const compressed of [false, true]) {
      const begun = compressed ? gzipSync(Buffer.alloc(90_000, 'abc')).subarray(0, 200) : Buffer.alloc(90_000)
      const raw = openRaw(receiving.httpPort())
      raw.socket.write(
        head({ 'Content-Length': 95_000, ...(compressed ? { 'Content-Encoding': 'gzip' } : {}) }),
      )
      raw.socket.write(begun)
      const refused = receiving.log.lines.length
      raw.socket.end()
      await until(() => receiving.log.lines.length > refused)
      raw.socket.destroy()
    }
    expect(receiving.received).toEqual([])
    expect(receiving.log.lines.filter(({ level }) => level === 'error')).toEqual([])
    await expectRoom(receiving)
  })

  it('receiver - a sender that is gone when its request is stored does no harm', async () => {
    const receiving = await startReceiving()
    const gate = Promise.withResolvers<Accepted>()
    receiving.become = () => gate.promise
    const raw = openRaw(receiving.httpPort())
    raw.socket.write(`${head({ 'Content-Length': 2 })}\n\0`)
    await until(() => receiving.received.length === 1)
    raw.socket.destroy()
    await raw.closed
    gate.resolve({ rejected: 0 })
    await expectRoom(receiving)
  })
})

describe('senders who wait to be told to go on', () => {
  it('receiver - headers that are good are told so, and then the body is read', async () => {
    const receiving = await startReceiving()
    const raw = openRaw(receiving.httpPort())
    raw.socket.write(head({ 'Content-Length': 2, Expect: '100-continue' }))
    await until(() => raw.said() !== '')
    expect(statuses(raw)).toEqual(['100'])
    raw.socket.write('\n\0')
    await until(() => statuses(raw).length === 2)
    expect(statuses(raw)).toEqual(['100', '200'])
    expect(raw.said()).not.toMatch(/Connection: close/i)
  })

  it.each<[string, Record<string, string | number>, string]>([
    ['a body over the limit', { 'Content-Length': MAX_BODY_BYTES + 1 }, '413'],
    ['an encoding that nobody knows', { 'Content-Length': 2, 'Content-Encoding': 'br' }, '415'],
  ])('receiver - %s is refused without it, and the connection ends', async (_, headers, code) => {
    const receiving = await startReceiving()
    const raw = openRaw(receiving.httpPort())
    raw.socket.write(head({ ...headers, Expect: '100-continue' }))
    await raw.closed
    expect(statuses(raw)).toEqual([code])
  })

  it('receiver - another path is refused without it, and another expectation is not met', async () => {
    const receiving = await startReceiving()
    const [stranger, other] = [openRaw(receiving.httpPort()), openRaw(receiving.httpPort())]
    stranger.socket.write(head({ 'Content-Length': 2, Expect: '100-continue' }, '/v1/profiles'))
    other.socket.write(head({ 'Content-Length': 2, Expect: 'wonders' }))
    await stranger.closed
    await until(() => other.said() !== '')
    expect([statuses(stranger), statuses(other)]).toEqual([['404'], ['417']])
  })
})

describe('numbers', () => {
  it('receiver - more requests at once than are allowed are asked to come again, by either protocol', async () => {
    const receiving = await startReceiving({ maxRequests: 3 })
    const gate = Promise.withResolvers<Accepted>()
    receiving.become = () => gate.promise
    const held = Array.from({ length: 3 }, () => post(receiving.url(), BODY))
    await until(() => receiving.received.length === 3)
    const refused = await post(receiving.url(), BODY)
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '5'])
    gate.resolve({ rejected: 0 })
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await post(receiving.url(), BODY)).status).toBe(200)
  })
})
