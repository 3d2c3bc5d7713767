import { fromBinary, toBinary, toJson } from '@bufbuild/protobuf'
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeTraces } from '../../src/pipeline/otlp/encode.ts'
import { decodeSpan } from '../../src/pipeline/otlp/protobuf.ts'
import type { Rewritten, TraceRanges } from '../../src/pipeline/otlp/ranges.ts'
import { scanTraces } from '../../src/pipeline/otlp/scan.ts'
import type { Attributes, Span } from '../../src/pipeline/otlp/span.ts'
import { decodeTraces, EVERYTHING, firstSpan } from './decoded.ts'
import { encodeProtobuf } from './encode.ts'
import { REQUESTS } from './opentelemetry-proto.ts'
import { anyMessage, runs } from './otlp-arbitrary.ts'

const NOTHING: Rewritten = { spans: new Map(), resources: new Map() }

/** Every span and resource made anew, `change` having its way with each. */
function rewriteAll(ranges: TraceRanges, change: (attributes: Attributes) => void = () => {}): Rewritten {
  const spans = new Map()
  const resources = new Map()
  for (const resource of ranges.resources) {
    const attributes = new Map(resource.attributes())
    change(attributes)
    // Where there is no resource, there is nothing to put anything on.
    if (resource.to > 0) resources.set(resource, attributes)
    for (const range of resource.scopes.flatMap((scope) => scope.spans)) {
      const span: Span = decodeSpan(ranges.body, range)
      for (const { attributes: own } of [span, ...span.events, ...span.links]) change(own)
      spans.set(range, span)
    }
  }
  return { spans, resources }
}

/** As another implementation reads it; of equal keys the last value, and no difference between empty and absent. */
const read = (body: Uint8Array): unknown =>
  JSON.parse(JSON.stringify(toJson(REQUESTS.traces, fromBinary(REQUESTS.traces, body))), (key, value) => {
    if (key === 'attributes') return merged(value)
    return key === 'kvlistValue' ? merged(value.values ?? []) : value
  })
const merged = (pairs: { key?: string; value?: object }[]): unknown => [
  ...new Map(pairs.map(({ key = '', value = {} }) => [key, value])),
]

describe('encoding what was rewritten', () => {
  it('otlp - what was not rewritten is the body itself', () => {
    const body = encodeProtobuf(EVERYTHING)
    expect(encodeTraces(scanTraces(body, []), NOTHING)).toBe(body)
  })

  it('otlp - rewritten to what it was, a request says the same to another implementation', () => {
    fc.assert(
      fc.property(anyMessage(REQUESTS.traces), (sent) => {
        const body = toBinary(REQUESTS.traces, sent)
        const ranges = scanTraces(body, [])
        expect(read(encodeTraces(ranges, rewriteAll(ranges)))).toEqual(read(body))
      }),
      runs(120),
    )
  })

  it('otlp - what was put on a span, an event, a link or a resource is read back from there', () => {
    fc.assert(
      fc.property(anyMessage(REQUESTS.traces), (sent) => {
        const ranges = scanTraces(toBinary(REQUESTS.traces, sent), [])
        const rewritten = rewriteAll(ranges, (attributes) => {
          attributes.clear()
          attributes.set('verdict', ['a', 1n, 0.5, true, new Map([['k', undefined]]), new Uint8Array([1])])
        })
        const again = scanTraces(encodeTraces(ranges, rewritten), [])
        const present = again.resources.filter(({ to }) => to > 0)
        expect(present.map((resource) => resource.attributes())).toEqual([...rewritten.resources.values()])
        const spans = again.resources.flatMap(({ scopes }) => scopes.flatMap((scope) => scope.spans))
        expect(spans.map((span) => decodeSpan(again.body, span))).toEqual([...rewritten.spans.values()])
      }),
      runs(120),
    )
  })

  it('otlp - one span is rewritten, and every other byte stays', () => {
    const body = Buffer.concat([encodeProtobuf(EVERYTHING), encodeProtobuf(EVERYTHING)])
    const ranges = scanTraces(body, [])
    const range = ranges.resources[1]?.scopes[0]?.spans[0]
    if (range === undefined) throw new Error('no span')
    const span = decodeSpan(body, range)
    span.attributes = new Map([['only', 'this']])
    const encoded = encodeTraces(ranges, { ...NOTHING, spans: new Map([[range, span]]) })
    expect(Buffer.from(encoded.subarray(0, body.length / 2))).toEqual(body.subarray(0, body.length / 2))
    const [first, second] = decodeTraces(encoded)
    expect([first]).toEqual(decodeTraces(encodeProtobuf(EVERYTHING)))
    expect(second?.scopes[0]?.spans).toEqual([span])
  })

  it('otlp - unknown fields, lengths in more bytes than they need, and the order of fields survive', () => {
    const later = (no: number) =>
      new BinaryWriter().tag(no, WireType.LengthDelimited).string('later').finish()
    const pair = Buffer.from('0a016b12030a0176', 'hex')
    // The length of the name takes two bytes where one would do.
    const span = Buffer.concat([
      later(90),
      Buffer.from('2a8100', 'hex'),
      Buffer.from('n'),
      tagged(9, pair),
      later(91),
    ])
    const group = tagged(2, Buffer.concat([later(92), tagged(2, span), later(93)]))
    const body = tagged(1, Buffer.concat([later(94), group, later(95)]))
    const ranges = scanTraces(body, [])
    expect(Buffer.from(encodeTraces(ranges, rewriteAll(ranges))).toString('hex')).toBe(body.toString('hex'))
  })

  it('otlp - what is ours on a scope goes, although no table has a column for it', () => {
    const [kept, ours] = ['a', 'holdpoint.verification'].map((key) => tagged(3, tagged(1, Buffer.from(key))))
    const scope = tagged(1, Buffer.concat([tagged(1, Buffer.from('name')), ours as Buffer, kept as Buffer]))
    const body = tagged(1, tagged(2, Buffer.concat([scope, tagged(2, tagged(5, Buffer.from('span')))])))
    const encoded = encodeTraces(scanTraces(body, ['holdpoint.']), NOTHING)
    expect(Buffer.from(encoded).toString()).not.toContain('holdpoint')
    expect(firstSpan(decodeTraces(encoded))?.name).toBe('span')
    expect(encoded.length).toBe(body.length - (ours as Buffer).length)
  })
})

const tagged = (no: number, bytes: Uint8Array): Buffer =>
  Buffer.from(new BinaryWriter().tag(no, WireType.LengthDelimited).bytes(bytes).finish())
