import { toBinary } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admit } from '../../src/pipeline/otlp/admit.ts'
import { toProtobuf } from '../../src/pipeline/otlp/json.ts'
import { readSound } from '../../src/pipeline/otlp/outline.ts'
import { SIGNALS, type Signal } from '../../src/pipeline/otlp/signal.ts'
import { codeOf, decodeTraces, firstSpan } from './decoded.ts'
import { aSpan, encodeProtobuf, SPAN, START_NS, TRACE } from './encode.ts'
import { REQUESTS } from './opentelemetry-proto.ts'
import { anyMessage, runs } from './otlp-arbitrary.ts'
import { itemsIn } from './otlp-items.ts'

const WIDE = { maxPieceBytes: 2 ** 20 }
const traces = (body: Uint8Array) => ({ signal: 'traces' as const, body })
const json = (signal: Signal, value: unknown) => ({
  signal,
  body: toProtobuf(signal, Buffer.from(JSON.stringify(value))),
})
const message = (no: number, ...parts: Uint8Array[]): Uint8Array =>
  new BinaryWriter().tag(no, WireType.LengthDelimited).bytes(Buffer.concat(parts)).finish()
/** Spans as bytes, within a resource and a scope. */
const around = (...spans: Uint8Array[]): Uint8Array =>
  message(1, message(2, ...spans.map((span) => message(2, span))))
const spanBytes = (over: object = {}): Uint8Array => {
  const writer = new BinaryWriter()
  writer.tag(1, WireType.LengthDelimited).bytes(Buffer.from(TRACE, 'hex'))
  writer.tag(2, WireType.LengthDelimited).bytes(Buffer.from(SPAN, 'hex'))
  for (const [no, value] of Object.entries(over))
    writer.tag(Number(no), WireType.LengthDelimited).bytes(value)
  return writer.finish()
}
const nested = (depth: number): Uint8Array => {
  let value: Uint8Array = message(1, Buffer.from('x'))
  for (let level = 0; level < depth; level++) value = message(5, message(1, value))
  return Buffer.concat([message(1, Buffer.from('k')), message(2, value)])
}

describe.each(SIGNALS)('admitting %s', (signal) => {
  it(`admit - whatever was sent, the pieces hold all of ${signal} that was not refused, in order, in what it stood in`, () => {
    fc.assert(
      fc.property(
        anyMessage(REQUESTS[signal]),
        fc.integer({ min: 100, max: 3_000 }),
        (sent, maxPieceBytes) => {
          const body = toBinary(REQUESTS[signal], sent)
          const { pieces, items, rejected, errorMessage } = admit({ signal, body }, { maxPieceBytes })
          const before = itemsIn(signal, body)
          const after = pieces.flatMap((piece) => itemsIn(signal, piece))
          expect(after).toHaveLength(items)
          expect(items + rejected).toBe(before.length)
          let next = 0
          for (const item of after) {
            next = before.indexOf(item, next) + 1
            expect(next).toBeGreaterThan(0)
          }
          expect(errorMessage === undefined).toBe(rejected === 0)
          for (const piece of pieces) {
            expect(piece.length).toBeLessThanOrEqual(maxPieceBytes)
            expect(codeOf(() => readSound(signal, piece, []))).toBe('accepted')
          }
        },
      ),
      runs(80),
    )
  })

  it(`admit - the same ${signal} have the same pieces, and what was admitted is admitted again`, () => {
    fc.assert(
      fc.property(anyMessage(REQUESTS[signal]), (sent) => {
        const body = toBinary(REQUESTS[signal], sent)
        const once = admit({ signal, body }, { maxPieceBytes: 1_000 })
        expect(admit({ signal, body }, { maxPieceBytes: 1_000 })).toEqual(once)
        for (const piece of once.pieces) {
          const again = admit({ signal, body: piece }, { maxPieceBytes: 1_000 })
          expect(again.pieces).toEqual([piece])
          expect(again.rejected).toBe(0)
        }
      }),
      runs(50),
    )
  })
})

describe('admitting', () => {
  it('admit - what fits and has nothing wrong is handed on without being copied', () => {
    const body = encodeProtobuf({ spans: [aSpan(), aSpan()] })
    const { pieces, ...counts } = admit(traces(body), WIDE)
    expect(pieces[0]).toBe(body)
    expect(counts).toEqual({ items: 2, rejected: 0 })
  })

  it('admit - a request without a single item has no pieces', () => {
    expect(admit(traces(new Uint8Array()), WIDE)).toEqual({ pieces: [], items: 0, rejected: 0 })
    expect(admit(traces(encodeProtobuf({ resource: { a: 'b' }, spans: [] })), WIDE).pieces).toEqual([])
  })

  it.each([
    ['no trace id', { traceId: '' }, 'the trace id must be 16 bytes, not all zero'],
    ['a trace id of zeros', { traceId: '0'.repeat(32) }, 'the trace id must be 16 bytes, not all zero'],
    ['a short trace id', { traceId: TRACE.slice(2) }, 'the trace id must be 16 bytes, not all zero'],
    ['no span id', { spanId: '' }, 'the span id must be 8 bytes, not all zero'],
    ['a span id of zeros', { spanId: '0'.repeat(16) }, 'the span id must be 8 bytes, not all zero'],
    ['a long span id', { spanId: `${SPAN}00` }, 'the span id must be 8 bytes, not all zero'],
    ['a short parent', { parentSpanId: 'ab' }, 'the parent span id must be 8 bytes'],
    ['a start after 2262', { startNs: 2n ** 63n }, 'a time is beyond the year 2262'],
    ['an end after 2262', { endNs: 2n ** 64n - 1n }, 'a time is beyond the year 2262'],
    ['an event after 2262', { events: [{ timeNs: 2n ** 63n, name: 'e' }] }, 'a time is beyond the year 2262'],
  ])('admit - a span with %s is refused alone', (_, over, reason) => {
    const { pieces, ...counts } = admit(traces(encodeProtobuf({ spans: [aSpan(over), aSpan()] })), WIDE)
    expect(counts).toEqual({ items: 1, rejected: 1, errorMessage: `1 × ${reason}` })
    expect(decodeTraces(pieces[0] as Uint8Array).flatMap(({ scopes }) => scopes[0]?.spans)).toHaveLength(1)
  })

  it.each([
    ['traces', { startTimeUnixNano: String(START_NS), endTimeUnixNano: '9223372036854775807' }, 0],
    ['logs', { timeUnixNano: '9223372036854775808' }, 1],
    ['logs', { observedTimeUnixNano: '9223372036854775808' }, 1],
    ['logs', { timeUnixNano: '9223372036854775807' }, 0],
  ] as const)('admit - %s with %j: %i refused', (signal, item, rejected) => {
    const ids = { traceId: TRACE, spanId: SPAN }
    const request =
      signal === 'traces'
        ? { resourceSpans: [{ scopeSpans: [{ spans: [{ ...ids, ...item }] }] }] }
        : { resourceLogs: [{ scopeLogs: [{ logRecords: [{ ...ids, ...item }] }] }] }
    expect(admit(json(signal, request), WIDE).rejected).toBe(rejected)
  })

  const metric = (kind: string, ...dataPoints: object[]) => ({
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name: 'm', [kind]: { dataPoints } }] }] }],
  })
  it.each(['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'])(
    'admit - of a %s, a point whose time cannot be stored is refused alone',
    (kind) => {
      const bad = [{ timeUnixNano: '9223372036854775808' }, { startTimeUnixNano: '9223372036854775808' }]
      const exemplar = { exemplars: [{ timeUnixNano: '9223372036854775808' }] }
      if (kind !== 'summary') bad.push(exemplar as never)
      const { pieces, ...counts } = admit(json('metrics', metric(kind, ...bad, { flags: 1 })), WIDE)
      expect(counts).toMatchObject({ items: 1, rejected: bad.length })
      expect(itemsIn('metrics', pieces[0] as Uint8Array)).toHaveLength(1)
    },
  )

  it('admit - the points of one metric are cut like spans of one scope, and each piece names the metric', () => {
    const points = Array.from({ length: 1_000 }, (_, at) => ({ timeUnixNano: String(START_NS), asInt: at }))
    const { pieces, items } = admit(json('metrics', metric('gauge', ...points)), { maxPieceBytes: 2_000 })
    expect(items).toBe(1_000)
    expect(pieces.length).toBeGreaterThan(10)
    const names = pieces.flatMap((piece) => itemsIn('metrics', piece)).map((item) => JSON.parse(item)[2].name)
    expect(new Set(names)).toEqual(new Set(['m']))
  })

  it('admit - an item that fits into no piece is refused with its size and the bound', () => {
    const large = aSpan({ attributes: { big: 'x'.repeat(5_000) } })
    const body = encodeProtobuf({ resource: { r: 'y'.repeat(100) }, spans: [aSpan(), large, aSpan()] })
    const { pieces, ...counts } = admit(traces(body), { maxPieceBytes: 1_000 })
    expect(counts.items).toBe(2)
    expect(counts.errorMessage).toMatch(
      /^1 × with what it stands in it takes 5\d\d\d bytes, of at most 1000$/,
    )
    expect(pieces).toHaveLength(1)
  })

  it('admit - a resource that fits into no piece has its items refused, and no others', () => {
    const body = Buffer.concat([
      encodeProtobuf({ resource: { big: 'x'.repeat(5_000) }, spans: [aSpan(), aSpan()] }),
      encodeProtobuf({ spans: [aSpan()] }),
    ])
    expect(admit(traces(body), { maxPieceBytes: 1_000 })).toMatchObject({ items: 1, rejected: 2 })
  })

  it('admit - more days than a table takes at once are refused', () => {
    const day = 86_400_000_000_000n
    const spans = Array.from({ length: 40 }, (_, at) => aSpan({ startNs: START_NS + BigInt(at) * day }))
    const { items, errorMessage } = admit(traces(encodeProtobuf({ spans })), WIDE)
    expect(items).toBe(32)
    expect(errorMessage).toBe('8 × one request may span 32 different days')
  })

  it('admit - the last nanosecond of a day and the first of the next are two days', () => {
    const midnight = (START_NS / 86_400_000_000_000n) * 86_400_000_000_000n
    const days = Array.from({ length: 32 }, (_, at) => midnight + BigInt(at) * 86_400_000_000_000n)
    const body = (extra: bigint) =>
      traces(encodeProtobuf({ spans: [...days, extra].map((startNs) => aSpan({ startNs })) }))
    expect(admit(body(midnight + 86_400_000_000_000n - 1n), WIDE).rejected).toBe(0)
    expect(admit(body(midnight - 1n), WIDE).rejected).toBe(1)
  })

  it.each([
    ['resource', (spans: object[]) => ({ resource: { big: 'x'.repeat(2 ** 20) }, spans })],
    ['scope', (spans: object[]) => ({ scope: { name: 'x'.repeat(2 ** 20), version: '1' }, spans })],
  ])('admit - what a %s says is stored with each span, up to 256 MiB', (_, batchOf) => {
    const spans = Array.from({ length: 400 }, () => aSpan())
    const { items, errorMessage } = admit(traces(encodeProtobuf(batchOf(spans))), {
      maxPieceBytes: 8 * 2 ** 20,
    })
    expect(items).toBe(255)
    expect(errorMessage).toContain('145 × what its resource and scope say, repeated for each item')
  })

  it('admit - a span that is malformed is refused alone: others may be somebody else’s', () => {
    const body = around(spanBytes(), spanBytes({ 9: nested(70) }), spanBytes({ 11: Buffer.from([0xff]) }))
    const { pieces, ...counts } = admit(traces(body), WIDE)
    expect(counts).toMatchObject({ items: 1, rejected: 2 })
    expect(counts.errorMessage).toContain('nested deeper than 64')
    expect(codeOf(() => decodeTraces(pieces[0] as Uint8Array))).toBe('accepted')
  })

  it.each([
    ['resource', Buffer.concat([message(1, message(1, nested(70))), message(2, message(2, spanBytes()))])],
    ['scope', message(2, Buffer.concat([message(1, message(3, nested(70))), message(2, spanBytes())]))],
  ])('admit - a malformed %s has its spans refused, and those of no other', (_, group) => {
    const body = Buffer.concat([message(1, group), around(spanBytes())])
    const { pieces, ...counts } = admit(traces(body), WIDE)
    expect(counts).toMatchObject({ items: 1, rejected: 1 })
    expect(codeOf(() => decodeTraces(pieces[0] as Uint8Array))).toBe('accepted')
  })

  it('admit - a request of nothing but malformed spans is refused before each has cost an error', () => {
    const broken = spanBytes({ 11: Buffer.from([0xff]) })
    const body = (count: number) => around(spanBytes(), ...Array.from({ length: count }, () => broken))
    expect(admit(traces(body(1_000)), WIDE)).toMatchObject({ items: 1, rejected: 1_000 })
    expect(codeOf(() => admit(traces(body(1_001)), WIDE))).toBe('INVALID_INPUT')
  })

  it('admit - a malformed resource without a span does not come through with the others', () => {
    const body = Buffer.concat([message(1, message(1, message(1, nested(70)))), around(spanBytes())])
    const { pieces } = admit(traces(body), WIDE)
    expect(codeOf(() => decodeTraces(pieces[0] as Uint8Array))).toBe('accepted')
  })

  it('admit - a field that comes twice has two readings, and is refused', () => {
    const twice = Buffer.concat([spanBytes(), message(5, Buffer.from('a')), message(5, Buffer.from('b'))])
    expect(admit(traces(around(twice)), WIDE).errorMessage).toContain('name of Span is there twice')
    const value = Buffer.concat([message(1, Buffer.from('a')), Buffer.from([0x10, 1])])
    const pair = Buffer.concat([message(1, Buffer.from('k')), message(2, value)])
    expect(admit(traces(around(spanBytes({ 9: pair }))), WIDE).rejected).toBe(1)
  })

  it('admit - text that is no UTF-8 is replaced before anybody reads it, wherever it stands', () => {
    const bad = Buffer.from([0x61, 0xff, 0xe2, 0x82, 0x62])
    const pair = Buffer.concat([message(1, bad), message(2, message(5, message(1, message(1, bad))))])
    const body = message(
      1,
      message(1, message(1, pair)),
      message(2, message(2, spanBytes({ 5: bad, 9: pair }))),
    )
    const { pieces, items } = admit(traces(body), WIDE)
    expect(items).toBe(1)
    const decoded = decodeTraces(pieces[0] as Uint8Array)
    expect(decoded[0]?.resource.get('a\ufffd\ufffdb')).toEqual(['a\ufffd\ufffdb'])
    expect(firstSpan(decoded)?.name).toBe('a\ufffd\ufffdb')
  })

  it('admit - text that is no UTF-8, in a span that is malformed as well, harms nobody else', () => {
    const broken = spanBytes({ 5: Buffer.from([0xff]), 11: Buffer.from([0xff]) })
    const { pieces, ...counts } = admit(traces(around(spanBytes(), broken)), WIDE)
    expect(counts).toMatchObject({ items: 1, rejected: 1 })
    expect(codeOf(() => decodeTraces(pieces[0] as Uint8Array))).toBe('accepted')
  })

  it('admit - however many reasons there are, the answer stays short', () => {
    const spans = Array.from({ length: 500 }, (_, at) => aSpan({ attributes: { big: 'x'.repeat(900 + at) } }))
    const { rejected, errorMessage } = admit(traces(encodeProtobuf({ spans })), { maxPieceBytes: 800 })
    expect(rejected).toBe(500)
    expect(errorMessage?.length).toBeLessThan(1_000)
    expect(errorMessage).toContain('492 for other reasons')
  })

  it.each(SIGNALS)('admit - %s that are cut short are refused as a whole', (signal) => {
    expect(codeOf(() => admit({ signal, body: message(1, message(2)).subarray(0, 3) }, WIDE))).toBe(
      'INVALID_INPUT',
    )
  })
})
