import { WIRE } from './schema.ts'
import type { AnyValue } from './span.ts'
import {
  beginLength,
  endLength,
  type Writer,
  writeBytes,
  writeDouble,
  writeTag,
  writeText,
  writeVarint32,
  writeVarint64,
} from './writer.ts'

/** A KeyValue as field `no` of what is being written. */
export function writeKeyValue(writer: Writer, no: number, key: string, value: AnyValue): void {
  const pair = begin(writer, no)
  writeTag(writer, 1, WIRE.bytes)
  writeText(writer, key)
  writeAnyValue(writer, 2, value)
  endLength(writer, pair)
}

function writeAnyValue(writer: Writer, no: number, value: AnyValue): void {
  const start = begin(writer, no)
  if (value !== undefined) writeKind(writer, value)
  endLength(writer, start)
}

/** Each kind of value has a field of its own. */
function writeKind(writer: Writer, value: Exclude<AnyValue, undefined>): void {
  if (typeof value === 'string') {
    writeTag(writer, 1, WIRE.bytes)
    writeText(writer, value)
  } else if (typeof value === 'boolean') {
    writeTag(writer, 2, WIRE.varint)
    writeVarint32(writer, value ? 1 : 0)
  } else if (typeof value === 'bigint') {
    writeTag(writer, 3, WIRE.varint)
    writeVarint64(writer, value)
  } else if (typeof value === 'number') {
    writeTag(writer, 4, WIRE.bit64)
    writeDouble(writer, value)
  } else if (value instanceof Uint8Array) {
    writeTag(writer, 7, WIRE.bytes)
    writeBytes(writer, value)
  } else {
    const start = begin(writer, Array.isArray(value) ? 5 : 6)
    if (Array.isArray(value)) for (const entry of value) writeAnyValue(writer, 1, entry)
    else for (const [key, entry] of value) writeKeyValue(writer, 1, key, entry)
    endLength(writer, start)
  }
}

function begin(writer: Writer, no: number): number {
  writeTag(writer, no, WIRE.bytes)
  return beginLength(writer)
}
