import { createPartCounter, MAX_VALUE_DEPTH } from './bounds.ts'
import { type Path, WRITE, wrong } from './json-scalar.ts'
import { parseText } from './json-text.ts'
import { ANY_VALUE, REQUEST } from './messages.ts'
import { type Field, type Message, WIRE } from './schema.ts'
import type { Signal } from './signal.ts'
import { beginLength, createWriter, endLength, type Writer, writeTag, written } from './writer.ts'

/**
 * A request of any signal from OTLP/JSON (proto3 JSON with hex ids and integer enums) to protobuf. Unknown members
 * are left out; a known one of the wrong shape throws INVALID_INPUT naming its path, and a body that would fill the
 * memory PAYLOAD_TOO_LARGE.
 */
export function toProtobuf(signal: Signal, json: Uint8Array): Uint8Array {
  const root = parseText(json)
  const out: Transcoder = {
    writer: createWriter(json.length),
    count: createPartCounter(json.length),
    path: [],
    depth: 0,
  }
  writeMembers(out, REQUEST[signal], root)
  return written(out.writer)
}

interface Transcoder {
  writer: Writer
  count: (leastBytes?: number) => void
  path: (string | number)[]
  /** Of attribute values. */
  depth: number
}
type Members = Record<string, unknown>

function writeMembers(out: Transcoder, message: Message, value: unknown): void {
  const from = record(value, out.path)
  let seen = 0
  for (const field of message.members.values()) {
    const member = from[field.name]
    // In proto3 JSON, null is as good as nothing.
    if (member === undefined || member === null) continue
    if ((seen & field.once) !== 0) throw wrong(out.path, 'one kind of value', kindsOf(from, message, field))
    seen |= field.once
    out.path.push(field.name)
    if (field.repeated) writeList(out, field, member)
    else if (field.type !== 'message') {
      writeTag(out.writer, field.no, field.wire)
      WRITE[field.type](out.writer, member, out.path)
    } else if (message === ANY_VALUE) writeNested(out, field, member)
    else writeMessage(out, field, member)
    out.path.pop()
  }
}

/** Numbers of a list come one after the other in one field; everything else each in its own. */
function writeList(out: Transcoder, field: Field, value: unknown): void {
  const { writer, path } = out
  if (!Array.isArray(value)) throw wrong(path, 'a list', value)
  if (value.length === 0) return
  const index = path.push(0) - 1
  const packed = field.packed !== undefined && startMessage(writer, field)
  for (const [at, entry] of value.entries()) {
    path[index] = at
    if (field.type === 'message') writeMessage(out, field, entry)
    else {
      if (packed === false) writeTag(writer, field.no, field.wire)
      WRITE[field.type](writer, entry, path)
    }
  }
  if (packed !== false) endLength(writer, packed)
  path.pop()
}

function writeMessage(out: Transcoder, field: Field, value: unknown): void {
  out.count(field.leastBytes)
  const start = startMessage(out.writer, field)
  writeMembers(out, field.message, value)
  endLength(out.writer, start)
}

function startMessage(writer: Writer, field: Field): number {
  writeTag(writer, field.no, WIRE.bytes)
  return beginLength(writer)
}

/** A list or a map within a value: deeper than this it would be refused as protobuf as well. */
function writeNested(out: Transcoder, field: Field, value: unknown): void {
  if (++out.depth >= MAX_VALUE_DEPTH) throw wrong(out.path, `nesting of at most ${MAX_VALUE_DEPTH}`, value)
  writeMessage(out, field, value)
  out.depth--
}

const kindsOf = (from: Members, message: Message, { once }: Field): string =>
  [...message.members.values()]
    .filter((field) => field.once === once && (from[field.name] ?? null) !== null)
    .map(({ name }) => name)
    .join(' and ')

function record(value: unknown, path: Path): Members {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Members
  throw wrong(path, 'an object', value)
}
