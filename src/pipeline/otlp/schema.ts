import { PART } from './bounds.ts'

/**
 * The messages of opentelemetry-proto v1.11 for traces, logs and metrics, from which the structure of protobuf is
 * checked and JSON is transcoded. What is not here is unknown: skipped, and left as it came.
 */
export interface Message {
  name: string
  /** By their numbers. */
  fields: readonly (Field | undefined)[]
  /** By their names in JSON. */
  members: ReadonlyMap<string, Field>
}

export interface Field {
  no: number
  name: string
  type: Scalar | 'message'
  wire: Wire
  /** Of type `message`. */
  message: Message
  repeated: boolean
  /** Of a list of numbers, how one of them is written: they come one after the other in one field, or each in its own. */
  packed: Wire | undefined
  /** A bit for each field that may come once; members of a oneof share theirs. 0 where it is repeated. */
  once: number
  /** Bytes that an honest part takes at least. */
  leastBytes: number
}

/** `id` is `bytes` that JSON writes as hex digits; `time` is a `fixed64` of nanoseconds since the epoch. */
export type Scalar =
  | 'string'
  | 'id'
  | 'bytes'
  | 'bool'
  | 'enum'
  | 'uint32'
  | 'sint32'
  | 'int64'
  | 'uint64'
  | 'fixed32'
  | 'fixed64'
  | 'time'
  | 'sfixed64'
  | 'double'

export const WIRE = { varint: 0, bit64: 1, bytes: 2, startGroup: 3, endGroup: 4, bit32: 5 } as const
export type Wire = (typeof WIRE)[keyof typeof WIRE]

const WIRE_OF: Record<Scalar | 'message', Wire> = {
  string: WIRE.bytes,
  id: WIRE.bytes,
  bytes: WIRE.bytes,
  message: WIRE.bytes,
  bool: WIRE.varint,
  enum: WIRE.varint,
  uint32: WIRE.varint,
  sint32: WIRE.varint,
  int64: WIRE.varint,
  uint64: WIRE.varint,
  fixed32: WIRE.bit32,
  fixed64: WIRE.bit64,
  time: WIRE.bit64,
  sfixed64: WIRE.bit64,
  double: WIRE.bit64,
}

/** All three signals are lists of resources, which hold scopes, which hold items: under the same numbers. */
export const GROUP = { groups: 1, resource: 1, scopes: 2, scope: 1, items: 2, schemaUrl: 3 } as const

/** Numbers beyond it are unknown without a look. */
export const MAX_FIELD = 16

const NONE: Message = { name: '', fields: [], members: new Map() }

export function one(no: number, name: string, type: Scalar | Message): Field {
  const scalar = typeof type === 'string'
  return {
    no,
    name,
    type: scalar ? type : 'message',
    wire: WIRE_OF[scalar ? type : 'message'],
    message: scalar ? NONE : type,
    repeated: false,
    packed: undefined,
    once: 1 << no,
    leastBytes: PART.any,
  }
}

export function many(no: number, name: string, type: Scalar | Message, leastBytes: number = PART.any): Field {
  const field = { ...one(no, name, type), repeated: true, once: 0, leastBytes }
  return field.wire === WIRE.bytes ? field : { ...field, packed: field.wire, wire: WIRE.bytes }
}

export function oneof(...fields: Field[]): Field[] {
  const once = fields.reduce((bits, field) => bits | field.once, 0)
  return fields.map((field) => ({ ...field, once }))
}

export function message(name: string, ...fields: Field[]): Message {
  return define({ name, fields: [], members: new Map() }, fields)
}

export function define(into: Message, fields: Field[]): Message {
  const numbers: (Field | undefined)[] = Array.from({ length: MAX_FIELD + 1 })
  for (const field of fields) numbers[field.no] = field
  return Object.assign(into, {
    fields: numbers,
    members: new Map(fields.map((field) => [field.name, field])),
  })
}
