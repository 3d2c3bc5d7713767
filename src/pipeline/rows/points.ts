import { secondsAt, uint32 } from '../otlp/time.ts'
import { type Cursor, readVarint64 } from '../otlp/wire.ts'
import type { RowWriter } from '../row-binary.ts'
import { createAttributeCopier } from './attributes.ts'
import { createFields, type Fields, writeColumn } from './fields.ts'
import { writeFixed64 } from './values.ts'

/** What data points consist of. `no` is the field of the point that holds it. */
export interface PointCopier {
  attributes(writer: RowWriter, bytes: Uint8Array, point: Fields, no: number): void
  /** In the order of EXEMPLAR_COLUMNS. */
  exemplars(writer: RowWriter, bytes: Uint8Array, point: Fields, no: number): void
  /** In the order of QUANTILE_COLUMNS. */
  quantiles(writer: RowWriter, bytes: Uint8Array, point: Fields, no: number): void
}

export const EXEMPLAR_COLUMNS = [
  'Exemplars.FilteredAttributes',
  'Exemplars.TimeUnix',
  'Exemplars.Value',
  'Exemplars.SpanId',
  'Exemplars.TraceId',
] as const
export const QUANTILE_COLUMNS = ['ValueAtQuantiles.Quantile', 'ValueAtQuantiles.Value'] as const

const EXEMPLAR = { time: 2, double: 3, spanId: 4, traceId: 5, int: 6, attribute: 7 } as const
const QUANTILE = { quantile: 1, value: 2 } as const

export function createPointCopier(): PointCopier {
  const fields = createFields()
  const attributes = createAttributeCopier()

  return {
    attributes: attributes.copy,
    exemplars(writer, bytes, point, no) {
      const each = (write: () => void) => writeColumn(writer, bytes, point, no, fields, write)
      each(() => attributes.copy(writer, bytes, fields, EXEMPLAR.attribute))
      each(() => writer.uint32(secondsAt(bytes, fields.at(EXEMPLAR.time))))
      each(() => writeNumber(writer, bytes, fields, EXEMPLAR.double, EXEMPLAR.int))
      each(() => writeWholeId(writer, bytes, fields, EXEMPLAR.spanId, 8))
      each(() => writeWholeId(writer, bytes, fields, EXEMPLAR.traceId, 16))
    },
    quantiles(writer, bytes, point, no) {
      const each = (write: () => void) => writeColumn(writer, bytes, point, no, fields, write)
      each(() => writeFixed64(writer, bytes, fields.at(QUANTILE.quantile)))
      each(() => writeFixed64(writer, bytes, fields.at(QUANTILE.value)))
    },
  }
}

/** The exporter writes an exemplar's missing ids as zeros, other than a log record's. */
function writeWholeId(
  writer: RowWriter,
  bytes: Uint8Array,
  fields: Fields,
  no: number,
  length: number,
): void {
  if (fields.to(no) - fields.at(no) > 0) writer.hex(bytes, fields.at(no), fields.to(no))
  else writer.string('00'.repeat(length))
}

/** A value that is either a double or a 64-bit integer, as Float64; 0 where it is neither. */
export function writeNumber(
  writer: RowWriter,
  bytes: Uint8Array,
  fields: Fields,
  double: number,
  int: number,
): void {
  const at = fields.at(int)
  if (at === -1) writeFixed64(writer, bytes, fields.at(double))
  else
    writer.float64(
      Number(BigInt.asIntN(64, (BigInt(uint32(bytes, at, 4)) << 32n) | BigInt(uint32(bytes, at, 0)))),
    )
}

/** A list of fixed64 or double, packed or not: eight bytes each. */
export function writeFixedList(writer: RowWriter, bytes: Uint8Array, fields: Fields, no: number): void {
  let count = 0
  fields.each(no, (at, to) => {
    count += (to - at) / 8
  })
  writer.varint(count)
  fields.each(no, (at, to) => writer.encoded(bytes.subarray(at, to)))
}

const cursor: Cursor = { bytes: new Uint8Array(), at: 0 }

/** A list of uint64, packed or not. */
export function writeVarintList(writer: RowWriter, bytes: Uint8Array, fields: Fields, no: number): void {
  let count = 0
  fields.each(no, (at, to) => {
    for (let next = at; next < to; next++) if ((bytes[next] as number) < 0x80) count++
  })
  writer.varint(count)
  fields.each(no, (at, to) => {
    cursor.bytes = bytes
    cursor.at = at
    while (cursor.at < to) writer.uint64(readVarint64(cursor))
  })
}
