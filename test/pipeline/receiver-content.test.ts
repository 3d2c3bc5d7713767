import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { admit } from '../../src/pipeline/otlp/admit.ts'
import { aSpan, encodeProtobuf } from './encode.ts'
import { METHOD, openClient } from './grpc-client.ts'
import { createReceiving, JSON_TYPE, MAX_BODY_BYTES, PROTOBUF, post, type Receiving } from './receiving.ts'

/** The receivers with what looks into requests behind them. */
let receiving: Receiving
beforeAll(async () => {
  receiving = createReceiving()
  receiving.become = (request) => admit(request, { maxPieceBytes: 500_000 })
  await receiving.start()
})
afterAll(() => receiving.stop())

const field = (no: number, content: Uint8Array): Uint8Array => {
  const length: number[] = []
  for (let left = content.length; ; left >>>= 7) {
    length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left)
    if (left <= 0x7f) break
  }
  return Buffer.concat([Buffer.from([(no << 3) | 2, ...length]), content])
}

/** A request of one span, with lists within lists as an attribute. */
function nested(levels: number): Uint8Array {
  let value: Uint8Array = Buffer.alloc(0)
  for (let level = 0; level < levels; level++) value = field(5, field(1, value))
  const attribute = Buffer.concat([field(1, Buffer.from('deep')), field(2, value)])
  return field(1, field(2, field(2, field(9, attribute))))
}

const whole = encodeProtobuf({ spans: [aSpan()] })
const hollow = Buffer.alloc(MAX_BODY_BYTES - 1_000, '\n\0')

describe('what is in a body', () => {
  it.each<[string, Uint8Array, number, number]>([
    ['a request that is whole', whole, 200, -1],
    ['a request cut short', whole.subarray(0, -1), 400, 3],
    ['a body that is something else', Buffer.from('\u0007nonsense'), 400, 3],
    ['nothing but hollow parts', hollow, 413, 8],
  ])('receiver - %s gets its answer, by either protocol and compressed', async (_, body, http, code) => {
    const headers = { 'content-type': PROTOBUF }
    expect((await post(receiving.url(), body, headers)).status).toBe(http)
    const compressed = { ...headers, 'content-encoding': 'gzip' }
    expect((await post(receiving.url(), gzipSync(body), compressed)).status).toBe(http)
    const reply = await openClient(receiving.grpcPort())(METHOD.traces, body)
    expect('code' in reply ? reply.code : -1).toBe(code)
  })

  it.each<[string, string, string]>([
    ['another signal', 'logs', '{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"x"}]}]}]}'],
    ['a list that is none', 'metrics', '{"resourceMetrics":{}}'],
    ['lists within lists', 'traces', `{"resourceSpans":${'['.repeat(9_000)}${']'.repeat(9_000)}}`],
    ['a text cut short', 'traces', '{"resourceSpans":['],
    ['bytes that are no text', 'traces', '{"resourceSpans":"\xff"}'],
  ])('receiver - JSON of %s is refused, and says where', async (_, signal, text) => {
    const response = await post(receiving.url(`/v1/${signal}`), Buffer.from(text, 'latin1'), {
      'content-type': JSON_TYPE,
    })
    expect(response.status).toBe(400)
    const { code, message } = (await response.json()) as { code: number; message: string }
    expect(code).toBe(3)
    expect(message).toMatch(/JSON/)
  })

  it('receiver - a span of lists within lists without end is rejected, and the others go on', async () => {
    const response = await post(receiving.url(), Buffer.concat([nested(4_000), whole]))
    expect(response.status).toBe(200)
    const answer = Buffer.from(await response.arrayBuffer())
    // rejected_spans is 1
    expect([...answer.subarray(2, 4)]).toEqual([0x08, 1])
    expect(answer.includes('nested deeper than')).toBe(true)
  })

  it('receiver - spans that can never be stored are counted, and the others go on', async () => {
    const body = encodeProtobuf({ spans: [aSpan(), aSpan({ traceId: '00'.repeat(16) })] })
    const response = await post(receiving.url(), body)
    expect(response.status).toBe(200)
    expect(Buffer.from(await response.arrayBuffer()).includes('trace id')).toBe(true)
  })
})
