import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  ScalarType,
  toJson,
} from '@bufbuild/protobuf'
import fc from 'fast-check'

/** The longer run that a nightly build may take: `HOLDPOINT_FUZZ_RUNS=20000`. */
const RUNS = Number(process.env.HOLDPOINT_FUZZ_RUNS ?? 0)

/** The same inputs every time, but for the longer run. */
export const runs = (numRuns: number): { numRuns: number; seed?: number } =>
  RUNS > numRuns ? { numRuns: RUNS } : { numRuns, seed: 20_261_121 }

/** Any message of this kind, mostly with ids and times as honest senders write them. */
export function anyMessage(descriptor: DescMessage, depth = 0): fc.Arbitrary<Message> {
  const fields = descriptor.fields.filter((field) => !isLeftOut(field, depth))
  const plain = fields.filter(({ oneof }) => oneof === undefined)
  const members = Object.fromEntries(plain.map((field) => [field.localName, anyField(field, depth)]))
  const oneofs = Object.fromEntries(
    descriptor.oneofs.map((oneof) => {
      const kinds = fields.filter((field) => field.oneof === oneof)
      return [
        oneof.localName,
        fc.option(
          fc.oneof(
            ...kinds.map((field) =>
              anyField(field, depth).map((value) => ({ case: field.localName, value })),
            ),
          ),
          { nil: undefined, freq: 8 },
        ),
      ]
    }),
  )
  // Without its ids a span goes no further.
  const ids = plain.filter(({ name }) => name === 'trace_id' || name === 'span_id')
  const requiredKeys = [...descriptor.oneofs, ...ids].map(({ localName }) => localName)
  return fc
    .record({ ...members, ...oneofs }, { requiredKeys })
    .map((init) => create(descriptor, init as never))
}

const MAX_DEPTH = 3

/** String table indexes mean nothing outside of profiles, and values have to end somewhere. */
const isLeftOut = ({ name }: DescField, depth: number): boolean =>
  name.endsWith('strindex') || (depth >= MAX_DEPTH && (name === 'array_value' || name === 'kvlist_value'))

function anyField(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const below = field.parent.name === 'AnyValue' ? depth + 1 : depth
  switch (field.fieldKind) {
    case 'message':
      return lazily(() => anyMessage(field.message, below))
    case 'list':
      return fc.array(
        field.listKind === 'message'
          ? lazily(() => anyMessage(field.message, below))
          : anyScalar(field.scalar as ScalarType, field.name),
        { maxLength: 3 },
      )
    default:
      return anyScalar(field.scalar as ScalarType, field.name)
  }
}

const lazily = <T>(make: () => fc.Arbitrary<T>): fc.Arbitrary<T> => fc.constant(undefined).chain(make)

const MAX = { u32: 2 ** 32 - 1, i32: 2 ** 31 - 1, i64: 2n ** 63n - 1n, u64: 2n ** 64n - 1n }
const NOW_NS = 1_763_000_000_000_000_000n

function anyScalar(type: ScalarType, name: string): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return fc.oneof(
        anyText,
        fc.constantFrom('service.name', 'holdpoint.approval.id', 'holdpoint.verification'),
      )
    case ScalarType.BYTES:
      return mostly(fc.uint8Array({ minLength: bytesOf(name), maxLength: bytesOf(name) }), fc.uint8Array())
    case ScalarType.BOOL:
      return fc.boolean()
    case ScalarType.INT32:
    case ScalarType.SINT32:
      return fc.integer({ min: -MAX.i32, max: MAX.i32 })
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return fc.nat(MAX.u32)
    case ScalarType.INT64:
    case ScalarType.SFIXED64:
      return fc.bigInt({ min: -MAX.i64, max: MAX.i64 })
    case ScalarType.DOUBLE:
      // JSON.stringify drops the sign of zero.
      return fc.double().map((value) => (value === 0 ? 0 : value))
    default:
      return name.endsWith('time_unix_nano')
        ? mostly(fc.bigInt({ min: NOW_NS, max: NOW_NS + 10n ** 14n }), fc.bigInt({ min: 0n, max: MAX.u64 }))
        : fc.bigInt({ min: 0n, max: MAX.u64 })
  }
}

/** The other implementation drops a byte order mark where a text begins. */
const anyText = fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll('\ufeff', ''))
const mostly = <T>(usual: fc.Arbitrary<T>, other: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: usual, weight: 40 }, { arbitrary: other, weight: 1 })
const bytesOf = (name: string): number => (name === 'trace_id' ? 16 : 8)

/** As OTLP has it: proto3 JSON, but with ids in hex. */
export const otlpJson = (descriptor: DescMessage, message: Message): Uint8Array =>
  Buffer.from(
    JSON.stringify(toJson(descriptor, message), (key, value) =>
      IDS.has(key) ? Buffer.from(value, 'base64').toString('hex') : value,
    ),
  )

const IDS = new Set(['traceId', 'spanId', 'parentSpanId'])
