import { fromBinary, type Message, toBinary, toJson } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { admit } from '../../src/pipeline/otlp/admit.ts'
import { encodeTraces } from '../../src/pipeline/otlp/encode.ts'
import { toProtobuf } from '../../src/pipeline/otlp/json.ts'
import { readSound } from '../../src/pipeline/otlp/outline.ts'
import { decodeSpan } from '../../src/pipeline/otlp/protobuf.ts'
import { scanTraces } from '../../src/pipeline/otlp/scan.ts'
import { SIGNALS, type Signal } from '../../src/pipeline/otlp/signal.ts'
import { stripOurs } from '../../src/pipeline/otlp/strip.ts'
import { codeOf } from './decoded.ts'
import { REQUESTS } from './opentelemetry-proto.ts'
import { anyMessage, otlpJson, runs } from './otlp-arbitrary.ts'
import { spansByBoth } from './otlp-judge.ts'

const ENDINGS = ['accepted', 'INVALID_INPUT', 'PAYLOAD_TOO_LARGE']

/**
 * All that is done with a body that comes from outside. What was admitted must not fail any more, nor be read in two
 * ways.
 */
function exercise(signal: Signal, body: Uint8Array): void {
  let pieces: Uint8Array[] = []
  const ending = codeOf(() => {
    pieces = admit({ signal, body }, { maxPieceBytes: 1_500 }).pieces
  })
  expect(ENDINGS).toContain(ending)
  for (const piece of pieces) {
    if (signal === 'traces') {
      reencode(piece)
      const { ours, theirs } = spansByBoth(piece)
      expect(ours).toEqual(theirs)
    } else {
      readSound(signal, stripOurs(signal, piece), [])
      fromBinary(REQUESTS[signal], piece)
    }
  }
  expect(ENDINGS).toContain(codeOf(() => readSound(signal, body, ['holdpoint.'])))
}

function reencode(piece: Uint8Array): void {
  const ranges = scanTraces(piece, ['holdpoint.'])
  const spans = ranges.resources.flatMap(({ scopes }) => scopes.flatMap((scope) => scope.spans))
  const decoded = new Map(spans.map((range) => [range, decodeSpan(piece, range)]))
  scanTraces(encodeTraces(ranges, { spans: decoded, resources: new Map() }), [])
}

const edits = fc.array(
  fc.record({
    at: fc.nat(),
    cut: fc.nat(3),
    put: fc.oneof(
      fc.uint8Array({ maxLength: 4 }),
      fc.constantFrom(
        // A varint of eleven bytes, a group, one that only ends, and lengths of two and four gigabytes.
        ...[
          'ffffffffffffffffffff01',
          '0b0c',
          '0c',
          '0affffffff07',
          '0affffffff0f',
          '12ffffffffffffffff7f',
        ].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex'))),
      ),
    ),
  }),
  { minLength: 1, maxLength: 4 },
)
type Edits = typeof edits extends fc.Arbitrary<infer T> ? T : never

const edited = (body: Uint8Array, by: Edits): Uint8Array =>
  by.reduce((bytes, { at, cut, put }) => {
    const place = at % (bytes.length + 1)
    return Buffer.concat([bytes.subarray(0, place), put, bytes.subarray(place + cut)])
  }, body)

describe.each(SIGNALS)('OTLP %s, whatever the bytes', (signal) => {
  const descriptor = REQUESTS[signal]
  const bytesOf = (message: Message) => toBinary(descriptor, message)

  it(`fuzz - any bytes as ${signal} end in an answer`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => exercise(signal, body)),
      runs(1_000),
    )
  })

  it(`fuzz - edited ${signal} end in an answer, and what is admitted is read to its end`, () => {
    fc.assert(
      fc.property(anyMessage(descriptor), edits, (message, by) =>
        exercise(signal, edited(bytesOf(message), by)),
      ),
      runs(200),
    )
  })

  it(`fuzz - ${signal} cut at any byte end in an answer`, () => {
    fc.assert(
      fc.property(anyMessage(descriptor), (message) => {
        const body = bytesOf(message)
        const step = Math.ceil(body.length / 100)
        for (let length = 0; length < body.length; length += step) exercise(signal, body.subarray(0, length))
      }),
      runs(4),
    )
  })

  it(`fuzz - edited JSON of ${signal} ends in an answer, and what it becomes is well-formed`, () => {
    fc.assert(
      fc.property(anyMessage(descriptor), edits, (message, by) => {
        let transcoded: Uint8Array = new Uint8Array()
        const ending = codeOf(() => {
          transcoded = toProtobuf(signal, edited(otlpJson(descriptor, message), by))
        })
        expect(ENDINGS).toContain(ending)
        readSound(signal, transcoded, [])
      }),
      runs(120),
    )
  })

  it(`fuzz - any JSON value in any place of ${signal} ends in an answer`, () => {
    fc.assert(
      fc.property(anyMessage(descriptor), fc.nat(), fc.jsonValue({ maxDepth: 2 }), (message, at, value) => {
        const json = Buffer.from(JSON.stringify(withValueAt(toJson(descriptor, message), at, value)))
        expect(ENDINGS).toContain(codeOf(() => toProtobuf(signal, json)))
      }),
      runs(120),
    )
  })
})

/** The same JSON, with another value in the place that a count comes to. */
function withValueAt(json: unknown, at: number, value: unknown): unknown {
  let places = 0
  const count = (one: unknown): unknown => {
    places++
    return one
  }
  JSON.parse(JSON.stringify(json), (_key, one) => count(one))
  let left = at % places
  return JSON.parse(JSON.stringify(json), (_key, one) => (left-- === 0 ? value : one))
}

describe('bodies made to cost', () => {
  const repeat = (hex: string, bytes: number) => Buffer.alloc(bytes, hex, 'hex')
  const nestedBy = (hex: string, depth: number): Uint8Array => {
    // Lengths from the inside out, each message holding the one before.
    let body = Buffer.alloc(0)
    for (let level = 0; level < depth; level++) {
      const length: number[] = []
      for (let left = body.length; ; left >>>= 7) {
        length.push(left > 0x7f ? (left & 0x7f) | 0x80 : left)
        if (left <= 0x7f) break
      }
      body = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from(length), body])
    }
    return body
  }

  it.each(SIGNALS)(
    'fuzz - megabytes of hollow or nested parts as %s are answered before they cost',
    (signal) => {
      const bodies = [
        ...['0a00', '1200', '0a021200', '0a0412021200', '0b', '0c', '00', '80', 'ff', '0a'].map((hex) =>
          repeat(hex, 2 ** 21),
        ),
        ...['0a', '12', '2a', '32'].map((hex) => nestedBy(hex, 3_000)),
      ]
      for (const body of bodies)
        expect(ENDINGS).toContain(codeOf(() => admit({ signal, body }, { maxPieceBytes: 2 ** 20 })))
    },
  )
})
