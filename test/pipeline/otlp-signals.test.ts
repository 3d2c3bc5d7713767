import { fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toProtobuf } from '../../src/pipeline/otlp/json.ts'
import { readSound } from '../../src/pipeline/otlp/outline.ts'
import { SIGNALS } from '../../src/pipeline/otlp/signal.ts'
import { codeOf } from './decoded.ts'
import { REQUESTS } from './opentelemetry-proto.ts'
import { anyMessage, otlpJson, runs } from './otlp-arbitrary.ts'
import { spansByBoth } from './otlp-judge.ts'

describe.each(SIGNALS)('OTLP %s, compared with another implementation of protobuf', (signal) => {
  const descriptor = REQUESTS[signal]

  it(`otlp - whatever it writes of ${signal} is found well-formed`, () => {
    fc.assert(
      fc.property(anyMessage(descriptor), (message) => {
        expect(codeOf(() => readSound(signal, toBinary(descriptor, message), []))).toBe('accepted')
      }),
      runs(120),
    )
  })

  it(`otlp - JSON of ${signal} becomes the protobuf of the same message`, () => {
    fc.assert(
      fc.property(anyMessage(descriptor), (message) => {
        const transcoded = toProtobuf(signal, otlpJson(descriptor, message))
        expect(toBinary(descriptor, fromBinary(descriptor, transcoded))).toEqual(
          toBinary(descriptor, message),
        )
        expect(codeOf(() => readSound(signal, transcoded, []))).toBe('accepted')
      }),
      runs(120),
    )
  })
})

it('otlp - spans are decoded to what the other implementation reads', () => {
  fc.assert(
    fc.property(anyMessage(REQUESTS.traces), (message) => {
      const { ours, theirs } = spansByBoth(toBinary(REQUESTS.traces, message))
      expect(ours).toEqual(theirs)
    }),
    runs(120),
  )
})
