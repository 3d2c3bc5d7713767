import type { BinaryReader } from '@bufbuild/protobuf/wire'
import { WireType } from '@bufbuild/protobuf/wire'
import { HoldpointError } from '#contract'

export interface Source {
  reader: BinaryReader
  count: (leastBytes?: number) => void
}
export interface Field {
  no: number
  wire: WireType
}

/** Runs over the fields of one message. `take` returns false for a field that it does not know. */
export function readFields(source: Source, end: number, take: (field: Field) => boolean): void {
  const { reader } = source
  while (reader.pos < end) {
    const [no, wire] = reader.tag()
    if (!take({ no, wire })) reader.skip(wire, no)
  }
  // A field that runs past the end of its message would read its neighbour's bytes as its own.
  if (reader.pos !== end) throw malformed(source, 'a field runs past the end of its message')
}

/** Steps into an embedded message and returns where it ends. */
export function enter(source: Source, field: Field, leastBytes?: number): number {
  source.count(leastBytes)
  const length = expect(source, field, WireType.LengthDelimited).uint32()
  const end = source.reader.pos + length
  if (end > source.reader.len) throw malformed(source, `a message of ${length} bytes is cut short`)
  return end
}

export function expect(source: Source, { no, wire }: Field, expected: WireType): BinaryReader {
  if (wire === expected) return source.reader
  throw malformed(source, `field ${no} has wire type ${wire}, expected ${expected}`)
}

export const text = (source: Source, field: Field): string =>
  expect(source, field, WireType.LengthDelimited).string()

export const id = (source: Source, field: Field): string =>
  Buffer.from(expect(source, field, WireType.LengthDelimited).bytes()).toString('hex')

export const time = (source: Source, field: Field): bigint =>
  BigInt(expect(source, field, WireType.Bit64).fixed64())

export const enumeration = (source: Source, field: Field): number =>
  expect(source, field, WireType.Varint).int32()

export const malformed = ({ reader }: Source, what: string, cause?: unknown): HoldpointError =>
  new HoldpointError('INVALID_INPUT', `OTLP protobuf: ${what}, at byte ${reader.pos}`, { cause })
