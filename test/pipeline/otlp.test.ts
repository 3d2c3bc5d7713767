import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HoldpointError } from '#contract'
import { decodeJson } from '../../src/pipeline/otlp/json.ts'
import { decodeProtobuf } from '../../src/pipeline/otlp/protobuf.ts'
import type { ResourceSpans } from '../../src/pipeline/otlp/span.ts'
import { aSpan, encodeJson, encodeProtobuf, SPAN, START_NS, TRACE } from './encode.ts'

const EVERYTHING = {
  resource: { 'service.name': 'support-agent', 'process.pid': 42n },
  scope: { name: 'holdpoint', version: '0.1.0' },
  spans: [
    aSpan({
      parentSpanId: '00f067aa0ba902b7',
      traceState: 'vendor=1',
      attributes: {
        text: 'Grüße 🦊',
        yes: true,
        no: false,
        count: -(2n ** 63n),
        most: 2n ** 63n - 1n,
        share: 0.1,
        blob: new Uint8Array([0, 255, 1]),
        nothing: undefined,
        list: ['a', 1n, [true]],
        map: { inner: { deep: 'x' }, __proto: 1.5 },
      },
      events: [{ timeNs: START_NS + 5n, name: 'exception', attributes: { 'exception.type': 'Error' } }],
      links: [{ traceId: TRACE, spanId: SPAN, attributes: { why: 'follows' } }],
      status: { code: 2, message: 'failed' },
    }),
  ],
}

const codeOf = (run: () => unknown): string => {
  try {
    run()
    return 'accepted'
  } catch (error) {
    // Anything else than our own error is a crash.
    expect(error).toBeInstanceOf(HoldpointError)
    return (error as HoldpointError).code
  }
}
const firstSpan = (batch: ResourceSpans[]) => batch[0]?.scopes[0]?.spans[0]

describe('OTLP protobuf', () => {
  it('otlp - every kind of value and every part of a span is read', () => {
    const [batch] = decodeProtobuf(encodeProtobuf(EVERYTHING))
    expect(batch?.resource).toEqual(
      new Map<string, unknown>([
        ['service.name', 'support-agent'],
        ['process.pid', 42n],
      ]),
    )
    expect(batch?.scopes[0]).toMatchObject({ name: 'holdpoint', version: '0.1.0' })
    const span = batch?.scopes[0]?.spans[0]
    expect(span).toMatchObject({
      traceId: TRACE,
      spanId: SPAN,
      parentSpanId: '00f067aa0ba902b7',
      traceState: 'vendor=1',
      kind: 1,
      startNs: START_NS,
      endNs: START_NS + 1_500_000n,
      statusCode: 2,
      statusMessage: 'failed',
    })
    expect(span?.attributes.get('text')).toBe('Grüße 🦊')
    expect(span?.attributes.get('count')).toBe(-(2n ** 63n))
    expect(span?.attributes.get('most')).toBe(2n ** 63n - 1n)
    expect(span?.attributes.get('share')).toBe(0.1)
    expect(span?.attributes.get('no')).toBe(false)
    expect(span?.attributes.has('nothing')).toBe(true)
    expect(span?.attributes.get('nothing')).toBeUndefined()
    expect(span?.attributes.get('list')).toEqual(['a', 1n, [true]])
    expect(span?.attributes.get('map')).toEqual(
      new Map<string, unknown>([
        ['inner', new Map([['deep', 'x']])],
        ['__proto', 1.5],
      ]),
    )
    expect(span?.events).toEqual([
      { timeNs: START_NS + 5n, name: 'exception', attributes: new Map([['exception.type', 'Error']]) },
    ])
    expect(span?.links[0]).toMatchObject({ traceId: TRACE, spanId: SPAN })
  })

  it('otlp - JSON and protobuf of the same spans decode to the same objects', () => {
    expect(plain(decodeJson(encodeJson(EVERYTHING)))).toEqual(
      plain(decodeProtobuf(encodeProtobuf(EVERYTHING))),
    )
  })

  it('otlp - an empty body is an empty batch', () => {
    expect(decodeProtobuf(new Uint8Array())).toEqual([])
  })

  it('otlp - cut at any byte, a body is refused', () => {
    const whole = encodeProtobuf(EVERYTHING)
    for (let length = 1; length < whole.length; length++)
      expect([length, codeOf(() => decodeProtobuf(whole.subarray(0, length)))]).toEqual([
        length,
        'INVALID_INPUT',
      ])
  })

  it('otlp - unknown fields of every wire type are skipped, string table indexes among them', () => {
    const writer = new BinaryWriter()
    writer.tag(1, WireType.LengthDelimited).fork()
    writer.tag(900, WireType.Varint).uint64(2n ** 64n - 1n)
    writer.tag(901, WireType.Bit32).fixed32(7)
    writer.tag(902, WireType.Bit64).fixed64(7n)
    writer.tag(903, WireType.LengthDelimited).string('later')
    writer.tag(904, WireType.StartGroup).tag(1, WireType.Varint).uint32(1).tag(904, WireType.EndGroup)
    writer.tag(1, WireType.LengthDelimited).fork()
    writer.tag(1, WireType.LengthDelimited).fork()
    writer.tag(3, WireType.Varint).int32(12)
    writer.tag(2, WireType.LengthDelimited).fork().tag(8, WireType.Varint).int32(5).join()
    writer.join().join().join()
    expect(decodeProtobuf(writer.finish())).toEqual([{ resource: new Map([['', undefined]]), scopes: [] }])
  })

  it('otlp - a field that runs into its neighbour is refused', () => {
    const inner = new BinaryWriter().tag(2, WireType.LengthDelimited).uint32(4).finish()
    const outer = new BinaryWriter()
      .tag(1, WireType.LengthDelimited)
      .bytes(inner)
      .tag(1, WireType.LengthDelimited)
      .bytes(new Uint8Array(8))
    expect(codeOf(() => decodeProtobuf(outer.finish()))).toBe('INVALID_INPUT')
  })

  it.each([
    ['a text where a message belongs', new BinaryWriter().tag(1, WireType.Varint).uint32(1)],
    ['a length of four gigabytes', new BinaryWriter().tag(1, WireType.LengthDelimited).uint32(0xffffffff)],
    ['field number zero', new BinaryWriter().uint32(2).uint32(0)],
    ['an end of a group that never began', new BinaryWriter().tag(5, WireType.EndGroup)],
    ['groups nested without end', new BinaryWriter().raw(new Uint8Array(5_000).fill(0x2b))],
    ['an endless varint', new BinaryWriter().raw(new Uint8Array(50).fill(0xff))],
  ])('otlp - %s is refused', (_, writer) => {
    expect(codeOf(() => decodeProtobuf(writer.finish()))).toBe('INVALID_INPUT')
  })

  it('otlp - values nested too deeply are refused before the stack ends', () => {
    const nested = (depth: number): Uint8Array => {
      let value: Uint8Array = new BinaryWriter().tag(1, WireType.LengthDelimited).string('x').finish()
      for (let level = 0; level < depth; level++) {
        const list = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(value).finish()
        value = new BinaryWriter().tag(5, WireType.LengthDelimited).bytes(list).finish()
      }
      const pair = new BinaryWriter()
        .tag(1, WireType.LengthDelimited)
        .string('k')
        .tag(2, WireType.LengthDelimited)
        .bytes(value)
        .finish()
      const resource = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(pair).finish()
      const resourceSpans = new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(resource).finish()
      return new BinaryWriter().tag(1, WireType.LengthDelimited).bytes(resourceSpans).finish()
    }
    expect(codeOf(() => decodeProtobuf(nested(63)))).toBe('accepted')
    expect(codeOf(() => decodeProtobuf(nested(64)))).toBe('INVALID_INPUT')
    expect(codeOf(() => decodeProtobuf(nested(5_000)))).toBe('INVALID_INPUT')
  })

  it('otlp - a body of hollow parts is refused before it fills the memory', () => {
    const hollow = new Uint8Array(200_000)
    for (let at = 0; at < hollow.length; at += 2) hollow[at] = 0x0a
    expect(codeOf(() => decodeProtobuf(hollow))).toBe('PAYLOAD_TOO_LARGE')
  })

  it('otlp - the smallest honest spans are not taken for hollow ones', () => {
    const spans = Array.from({ length: 5_000 }, () => ({
      traceId: TRACE,
      spanId: SPAN,
      attributes: { a: 1n, b: true },
    }))
    expect(codeOf(() => decodeProtobuf(encodeProtobuf({ spans })))).toBe('accepted')
  })

  it('otlp - whatever the bytes, decoding ends, with spans or with an error of ours', () => {
    const whole = encodeProtobuf(EVERYTHING)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (edits) => {
          const body = Uint8Array.from(whole)
          for (const [at, byte] of edits) body[at] = byte
          expect(['accepted', 'INVALID_INPUT', 'PAYLOAD_TOO_LARGE']).toContain(
            codeOf(() => decodeProtobuf(body)),
          )
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('otlp - any value that can be written is read back', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 4 },
        fc.string({ unit: 'grapheme' }),
        fc.boolean(),
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
        fc.double(),
        fc.uint8Array(),
        fc.array(tie('any'), { maxLength: 4 }),
      ),
    })).any
    fc.assert(
      fc.property(value, (one) => {
        const batch = { spans: [aSpan({ attributes: { one: one as never } })] }
        const byProtobuf = firstSpan(decodeProtobuf(encodeProtobuf(batch)))?.attributes.get('one')
        expect(plain(byProtobuf)).toEqual(plain(one))
      }),
      { numRuns: 300 },
    )
  })
})

describe('OTLP JSON', () => {
  const decode = (value: unknown) =>
    decodeJson(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))
  const withSpan = (span: object) => ({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
  const messageOf = (value: unknown): string => {
    try {
      decode(value)
      return 'accepted'
    } catch (error) {
      return (error as Error).message
    }
  }

  it('otlp json - 64-bit integers come as text or as numbers, and lose nothing', () => {
    const body = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":1763000000123456789,
      "endTimeUnixNano":"1763000000123456790","attributes":[{"key":"n","value":{"intValue":9007199254740993}}]}]}]}]}`
    const span = firstSpan(decode(body))
    expect(span?.startNs).toBe(1763000000123456789n)
    expect(span?.endNs).toBe(1763000000123456790n)
    expect(span?.attributes.get('n')).toBe(9007199254740993n)
  })

  it('otlp json - unknown members, null members and absent members are all the same', () => {
    const span = firstSpan(
      decode({ ...withSpan({ name: 'a', events: null, flags: 257, new_thing: { x: [] } }), more: 1 }),
    )
    expect(span).toMatchObject({ name: 'a', traceId: '', events: [], kind: 0, startNs: 0n })
  })

  it('otlp json - upper-case ids are the same ids', () => {
    expect(firstSpan(decode(withSpan({ traceId: TRACE.toUpperCase() })))?.traceId).toBe(TRACE)
  })

  it.each([
    [{ resourceSpans: {} }, 'resourceSpans is an object, expected a list'],
    [{ resourceSpans: [3] }, 'resourceSpans[0] is 3, expected an object'],
    [[], 'the body is a list, expected an object'],
    [withSpan({ name: 5 }), 'resourceSpans[0].scopeSpans[0].spans[0].name is 5, expected a text'],
    [withSpan({ traceId: 'xyz!' }), 'spans[0].traceId is "xyz!", expected hex digits'],
    [withSpan({ kind: 'SPAN_KIND_CLIENT' }), 'spans[0].kind is "SPAN_KIND_CLIENT", expected an integer'],
    [withSpan({ startTimeUnixNano: '-1' }), 'startTimeUnixNano is "-1", expected a whole number from 0'],
    [withSpan({ startTimeUnixNano: '1e9' }), 'startTimeUnixNano is "1e9", expected a whole number'],
    [withSpan({ endTimeUnixNano: 1.5 }), 'endTimeUnixNano is 1.5, expected a whole number'],
    [withSpan({ status: [] }), 'spans[0].status is a list, expected an object'],
    [withSpan({ attributes: [{ key: 'a', value: 'x' }] }), 'attributes[0].value is "x", expected an object'],
    [
      withSpan({ attributes: [{ key: 'a', value: { boolValue: 'true' } }] }),
      'value.boolValue is "true", expected true or false',
    ],
    [
      withSpan({ attributes: [{ key: 'a', value: { intValue: '9223372036854775808' } }] }),
      'expected a whole number from -9223372036854775808 to 9223372036854775807',
    ],
    [
      withSpan({ attributes: [{ key: 'a', value: { bytesValue: '~~' } }] }),
      'value.bytesValue is "~~", expected base64',
    ],
    [
      withSpan({ attributes: [{ key: 'a', value: { stringValue: 'x', intValue: 1 } }] }),
      'expected one kind of value',
    ],
    [
      withSpan({ attributes: [{ key: 'a', value: { arrayValue: { values: [1] } } }] }),
      'value.arrayValue.values[0] is 1, expected an object',
    ],
    ['{"resourceSpans":[', 'OTLP JSON: '],
    ['', 'OTLP JSON: '],
    ['\u0000', 'OTLP JSON: '],
  ])('otlp json - %j is refused, naming the place', (body, expected) => {
    expect(messageOf(body)).toContain(expected)
    expect(codeOf(() => decode(body))).toBe('INVALID_INPUT')
  })

  it('otlp json - bytes that are no UTF-8 are refused', () => {
    expect(codeOf(() => decodeJson(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])))).toBe(
      'INVALID_INPUT',
    )
  })

  it('otlp json - nesting is refused before it is parsed', () => {
    expect(codeOf(() => decode('['.repeat(5_000_000)))).toBe('INVALID_INPUT')
    const value = (depth: number): object =>
      depth === 0 ? { stringValue: 'x' } : { arrayValue: { values: [value(depth - 1)] } }
    expect(codeOf(() => decode(withSpan({ attributes: [{ key: 'a', value: value(63) }] })))).toBe('accepted')
    expect(codeOf(() => decode(withSpan({ attributes: [{ key: 'a', value: value(70) }] })))).toBe(
      'INVALID_INPUT',
    )
  })

  it('otlp json - keys of the language itself are keys like any other', () => {
    const span = firstSpan(
      decode(withSpan({ attributes: [{ key: '__proto__', value: { stringValue: 'x' } }] })),
    )
    expect(span?.attributes.get('__proto__')).toBe('x')
  })

  it('otlp json - cut at any byte, a body is refused', () => {
    const whole = encodeJson(EVERYTHING)
    for (let length = 0; length < whole.length; length++)
      expect([length, codeOf(() => decodeJson(whole.subarray(0, length)))]).toEqual([length, 'INVALID_INPUT'])
  })
})

/** Maps and bytes as plain values, so that a difference is readable. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') }
  if (value instanceof Map) return { map: [...value].map(([key, member]) => [key, plain(member)]) }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
  return typeof value === 'bigint' ? `${value}n` : value
}
