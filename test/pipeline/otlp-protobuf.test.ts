import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf, decodeJson, decodeTraces, EVERYTHING, firstSpan, plain } from './decoded.ts'
import { aSpan, encodeJson, encodeProtobuf, SPAN, START_NS, TRACE } from './encode.ts'

describe('OTLP protobuf', () => {
  it('otlp - every kind of value and every part of a span is read', () => {
    const [batch] = decodeTraces(encodeProtobuf(EVERYTHING))
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
    expect(plain(decodeJson(encodeJson(EVERYTHING)))).toEqual(plain(decodeTraces(encodeProtobuf(EVERYTHING))))
  })

  it('otlp - an empty body is an empty batch', () => {
    expect(decodeTraces(new Uint8Array())).toEqual([])
  })

  it('otlp - cut at any byte, a body is refused', () => {
    const whole = encodeProtobuf(EVERYTHING)
    for (let length = 1; length < whole.length; length++)
      expect([length, codeOf(() => decodeTraces(whole.subarray(0, length)))]).toEqual([
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
    expect(decodeTraces(writer.finish())).toEqual([{ resource: new Map([['', undefined]]), scopes: [] }])
  })

  it('otlp - a field that runs into its neighbour is refused', () => {
    const inner = new BinaryWriter().tag(2, WireType.LengthDelimited).uint32(4).finish()
    const outer = new BinaryWriter()
      .tag(1, WireType.LengthDelimited)
      .bytes(inner)
      .tag(1, WireType.LengthDelimited)
      .bytes(new Uint8Array(8))
    expect(codeOf(() => decodeTraces(outer.finish()))).toBe('INVALID_INPUT')
  })

  it.each([
    ['a text where a message belongs', new BinaryWriter().tag(1, WireType.Varint).uint32(1)],
    ['a length of four gigabytes', new BinaryWriter().tag(1, WireType.LengthDelimited).uint32(0xffffffff)],
    ['field number zero', new BinaryWriter().uint32(2).uint32(0)],
    ['an end of a group that never began', new BinaryWriter().tag(5, WireType.EndGroup)],
    ['groups nested without end', new BinaryWriter().raw(new Uint8Array(5_000).fill(0x2b))],
    ['an endless varint', new BinaryWriter().raw(new Uint8Array(50).fill(0xff))],
  ])('otlp - %s is refused', (_, writer) => {
    expect(codeOf(() => decodeTraces(writer.finish()))).toBe('INVALID_INPUT')
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
    expect(codeOf(() => decodeTraces(nested(63)))).toBe('accepted')
    expect(codeOf(() => decodeTraces(nested(64)))).toBe('INVALID_INPUT')
    expect(codeOf(() => decodeTraces(nested(5_000)))).toBe('INVALID_INPUT')
  })

  it('otlp - a body of hollow parts is refused before it fills the memory', () => {
    const hollow = new Uint8Array(2_000_000)
    for (let at = 0; at < hollow.length; at += 2) hollow[at] = 0x0a
    expect(codeOf(() => decodeTraces(hollow))).toBe('PAYLOAD_TOO_LARGE')
  })

  it.each([
    ['scopes', '12020a00', 1],
    ['spans', '12062a0461616161', 2],
    ['events', '5a06120461616161', 3],
  ])('otlp - a body of hollow %s is refused before it fills the memory', (_, part, depth) => {
    let body: Uint8Array = Buffer.alloc(4_000_000, part, 'hex')
    for (let level = depth; level > 0; level--)
      body = new BinaryWriter()
        .tag(level === 1 ? 1 : 2, WireType.LengthDelimited)
        .bytes(body)
        .finish()
    expect(codeOf(() => decodeTraces(body))).toBe('PAYLOAD_TOO_LARGE')
  })

  it('otlp - as many hollow spans as a Collector puts into one request do not have it refused', () => {
    const honest = encodeProtobuf({ spans: [aSpan()] })
    const hollow = encodeProtobuf({ spans: Array.from({ length: 8_192 }, () => ({})) })
    expect(codeOf(() => decodeTraces(Buffer.concat([honest, hollow])))).toBe('accepted')
  })

  it('otlp - the smallest honest spans are not taken for hollow ones', () => {
    const spans = Array.from({ length: 5_000 }, () => ({
      traceId: TRACE,
      spanId: SPAN,
      attributes: { a: 1n, b: true },
    }))
    expect(codeOf(() => decodeTraces(encodeProtobuf({ spans })))).toBe('accepted')
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
            codeOf(() => decodeTraces(body)),
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
        const byProtobuf = firstSpan(decodeTraces(encodeProtobuf(batch)))?.attributes.get('one')
        expect(plain(byProtobuf)).toEqual(plain(one))
      }),
      { numRuns: 300 },
    )
  })
})
