import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import { ATTR } from '#contract'
import { encodeProtobuf, type Sample, type SampleSpan, writeValue } from '../../pipeline/encode.ts'

export const SIGNALS = ['traces', 'logs', 'metrics'] as const
export type Signal = (typeof SIGNALS)[number]

/** Twelve hexadecimal digits, of which every id in a request is made: where it came from can be read off each row. */
export const keyOf = (sender: number, nth: number): string => hex(sender, 4) + hex(nth, 8)
export const traceIdOf = (key: string): string => key.padStart(32, 'f')
export const spanIdOf = (key: string, index: number): string => key + hex(index, 4)

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
const bytes = (text: string): Uint8Array => Buffer.from(text, 'hex')

/** One span more, in a request of plain ones, that stands for an action. */
export interface Gated {
  attributes: Record<string, Sample>
  name: string
}

interface Content {
  key: string
  items: number
  nowMs: number
}

/**
 * One trace, so that what a request became in the store can be counted by its ids. `gated` is its first span. With a
 * made-up verdict on its resource: nobody but the pipeline may write that.
 */
export function traces({ key, items, nowMs }: Content, gated?: Gated): Uint8Array {
  const startNs = BigInt(nowMs - 1_000) * 1_000_000n
  const spans = Array.from({ length: items }, (_, index): SampleSpan => {
    const plain = { name: `GET /orders/${index % 7}`, attributes: { 'http.request.method': 'GET', index } }
    return {
      traceId: traceIdOf(key),
      spanId: spanIdOf(key, index),
      kind: 1,
      startNs: startNs + BigInt(index),
      endNs: startNs + 5_000_000n,
      ...(index === 0 && gated ? gated : plain),
    }
  })
  return encodeProtobuf({ resource: { ...RESOURCE, ...MADE_UP }, spans })
}

const RESOURCE = { 'service.name': 'support' }
const MADE_UP = { [ATTR.verification]: 'verified' }

export function logs({ key, items, nowMs }: Content): Uint8Array {
  return inResource((writer) => {
    for (let index = 0; index < items; index++)
      message(writer, 2, () => {
        writer.tag(1, WireType.Bit64).fixed64(BigInt(nowMs) * 1_000_000n)
        writer.tag(2, WireType.Varint).int32(9)
        message(writer, 5, () => writeValue(writer, `order ${index} is paid`))
        attributes(writer, 6, { index, ...MADE_UP })
        writer.tag(9, WireType.LengthDelimited).bytes(bytes(traceIdOf(key)))
        writer.tag(10, WireType.LengthDelimited).bytes(bytes(spanIdOf(key, index)))
      })
  })
}

/** Points of one gauge. A point has no id in OTLP, so it carries one as an attribute. */
export function metrics({ key, items, nowMs }: Content): Uint8Array {
  return inResource((writer) =>
    message(writer, 2, () => {
      writer.tag(1, WireType.LengthDelimited).string('orders.waiting')
      message(writer, 5, () => {
        for (let index = 0; index < items; index++)
          message(writer, 1, () => {
            writer.tag(3, WireType.Bit64).fixed64(BigInt(nowMs) * 1_000_000n)
            writer.tag(4, WireType.Bit64).double(index)
            attributes(writer, 7, { id: spanIdOf(key, index) })
          })
      })
    }),
  )
}

/** Logs and metrics stand in the same shells: resource, scope. */
function inResource(write: (writer: BinaryWriter) => void): Uint8Array {
  const writer = new BinaryWriter()
  message(writer, 1, () => {
    message(writer, 1, () => attributes(writer, 1, RESOURCE))
    message(writer, 2, () => write(writer))
  })
  return writer.finish()
}

function attributes(writer: BinaryWriter, no: number, values: Record<string, Sample>): void {
  for (const [key, value] of Object.entries(values))
    message(writer, no, () => {
      writer.tag(1, WireType.LengthDelimited).string(key)
      message(writer, 2, () => writeValue(writer, value))
    })
}

function message(writer: BinaryWriter, no: number, write: () => void): void {
  writer.tag(no, WireType.LengthDelimited).fork()
  write()
  writer.join()
}
