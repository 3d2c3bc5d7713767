import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire'
import fc from 'fast-check'

/** Protobuf by hand, field by field, so that fields can stand in any order and keys come twice. */
export type Chunk = Uint8Array

const chunk = (write: (writer: BinaryWriter) => void): Chunk => {
  const writer = new BinaryWriter()
  write(writer)
  return writer.finish()
}
export const text = (no: number, value: string): Chunk =>
  chunk((writer) => writer.tag(no, WireType.LengthDelimited).string(value))
export const bytes = (no: number, value: Uint8Array): Chunk =>
  chunk((writer) => writer.tag(no, WireType.LengthDelimited).bytes(value))
export const message = (no: number, parts: readonly Chunk[]): Chunk => bytes(no, Buffer.concat(parts))
export const int = (no: number, value: number | bigint): Chunk =>
  chunk((writer) => writer.tag(no, WireType.Varint).int64(value))
export const fixed64 = (no: number, value: bigint): Chunk =>
  chunk((writer) => writer.tag(no, WireType.Bit64).fixed64(value))
export const sfixed64 = (no: number, value: bigint): Chunk =>
  chunk((writer) => writer.tag(no, WireType.Bit64).sfixed64(value))
/** Zigzag. */
export const sint = (no: number, value: number): Chunk =>
  chunk((writer) => writer.tag(no, WireType.Varint).sint32(value))
export const fixed32 = (no: number, value: number): Chunk =>
  chunk((writer) => writer.tag(no, WireType.Bit32).fixed32(value))
export const double = (no: number, value: number): Chunk =>
  chunk((writer) => writer.tag(no, WireType.Bit64).double(value))
/** As proto3 writes lists of numbers. */
export const packed = (no: number, write: (writer: BinaryWriter) => void): Chunk => bytes(no, chunk(write))

/** Fields that a later version of the protocol may bring, a group among them. */
const unknown = fc.constantFrom(
  text(900, 'unknown'),
  int(901, 7),
  fixed64(902, 1n),
  fixed32(903, 2),
  chunk((writer) =>
    writer.tag(904, WireType.StartGroup).tag(1, WireType.Varint).int32(5).tag(904, WireType.EndGroup),
  ),
)

/** Each of them or not, in any order, with what nobody knows in between. */
export const inAnyOrder = (...parts: fc.Arbitrary<readonly Chunk[]>[]): fc.Arbitrary<Chunk[]> =>
  fc
    .tuple(fc.array(unknown, { maxLength: 2 }), ...parts)
    .map((all) => all.flat())
    .chain((all) => fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }))

export const maybe = (part: fc.Arbitrary<Chunk>): fc.Arbitrary<readonly Chunk[]> =>
  fc.option(part, { nil: undefined }).map((one) => (one === undefined ? [] : [one]))
export const many = (part: fc.Arbitrary<Chunk>, maxLength: number): fc.Arbitrary<readonly Chunk[]> =>
  fc.array(part, { maxLength })

const anyText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'grapheme', minLength: 60, maxLength: 200 }) },
)
const anyDouble = fc.oneof(
  fc.double(),
  fc.constantFrom(
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    1e21,
    1e-7,
    Number.MAX_VALUE,
  ),
)
const anyInt = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.bigInt({ min: -3n, max: 300n }),
)

/** The AnyValue message: of every kind, also none. */
export const { value: anyValue } = fc.letrec<{ value: Chunk[] }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    anyText.map((value) => [text(1, value)]),
    fc.boolean().map((value) => [int(2, value ? 1 : 0)]),
    anyInt.map((value) => [int(3, value)]),
    anyDouble.map((value) => [double(4, value)]),
    fc.constant<Chunk[]>([]),
    fc.uint8Array({ maxLength: 12 }).map((value) => [bytes(7, value)]),
    fc.array(tie('value'), { maxLength: 3 }).map((values) => [
      message(
        5,
        values.map((one) => message(1, one)),
      ),
    ]),
    fc.array(fc.tuple(anyKey(), tie('value')), { maxLength: 3 }).map((entries) => [
      message(
        6,
        entries.map(([key, value]) => keyValue(1, key, value)),
      ),
    ]),
  ),
}))

/** Few, so that keys come twice; some that sort by their bytes otherwise than by their UTF-16. */
function anyKey(): fc.Arbitrary<string> {
  const few = fc.constantFrom('a', 'b', 'ab', 'service.name', '', '\uff5e', '🦊', 'é', '__proto__')
  return fc.oneof({ weight: 3, arbitrary: few }, { weight: 1, arbitrary: anyText })
}

const keyValue = (no: number, key: string, value: Chunk[]): Chunk =>
  message(no, key === '' ? [message(2, value)] : [text(1, key), message(2, value)])

export const attributes = (no: number, maxLength = 8): fc.Arbitrary<readonly Chunk[]> =>
  many(
    fc.tuple(anyKey(), anyValue).map(([key, value]) => keyValue(no, key, value)),
    maxLength,
  )

export const anyTime = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n })
export const likelyTime = fc.bigInt({ min: 1_790_000_000_000_000_000n, max: 1_790_300_000_000_000_000n })
export const idOf = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((id) => id.with(0, 1))
export { anyDouble, anyInt, anyText }
