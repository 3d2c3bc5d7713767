import { isUtf8 } from 'node:buffer'
import { isAnyArrayBuffer } from 'node:util/types'
import { canonicalize, digestBytes, type JsonValue } from '#contract'
import { MAX_BODY_BYTES, takeBody } from '../http/body.ts'

export const MAX_STREAM_BYTES = MAX_BODY_BYTES
const MAX_SHOWN_BYTES = 64 * 1024

export interface Described {
  value: JsonValue
  /** Canonical: two inputs are the same where this is. */
  text: string
}

/**
 * The input as people see it and policy rules on it. Bytes are shown as `{ text?, digest, bytes }`; of a stream nobody
 * knows what it will say: `{ stream: true }`. Throws INVALID_INPUT for what JSON does not have.
 */
export function describeInput(input: object): Described {
  const value = describe(input)
  return { value, text: canonicalize(value) }
}

function describe(value: unknown): JsonValue {
  if (typeof value === 'bigint') return value.toString()
  if (typeof value !== 'object' || value === null) return value as JsonValue
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  const bytes = bytesOf(value)
  if (bytes !== undefined) return describeBytes(bytes)
  if (isStream(value)) return { stream: true }
  if (Array.isArray(value) || value instanceof Set) return [...value].map(describe)
  const members = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(
    members
      .filter(([, member]) => member !== undefined && typeof member !== 'function')
      .map(([name, member]) => [String(name), describe(member)]),
  )
}

function describeBytes(bytes: Uint8Array): JsonValue {
  const isText = bytes.length <= MAX_SHOWN_BYTES && isUtf8(bytes)
  return {
    ...(isText ? { text: Buffer.from(bytes).toString('utf8') } : {}),
    digest: digestBytes(bytes),
    bytes: bytes.length,
  }
}

function bytesOf(value: object): Uint8Array | undefined {
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return isAnyArrayBuffer(value) ? new Uint8Array(value) : undefined
}

const isStream = (value: object): boolean =>
  value instanceof Blob ||
  Symbol.asyncIterator in value ||
  ['pipe', 'getReader', 'next'].some(
    (method) => typeof (value as Record<string, unknown>)[method] === 'function',
  )

/**
 * A copy that nobody else has, with what its streams say, and its description. Undefined where one of them is too long
 * to be kept until people have decided; rejects with what a stream throws.
 */
export async function freezeInput(
  input: object,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ input: object; described: Described } | undefined> {
  const streams: { set(bytes: Uint8Array): void; stream: object }[] = []
  const copy = clone(input, streams) as object
  for (const { stream, set } of streams) {
    const taken = await takeBody(stream, signal)
    if (taken === undefined) return undefined
    set(taken.bytes ?? new Uint8Array())
  }
  return { input: copy, described: describeInput(copy) }
}

function clone(value: unknown, streams: { set(bytes: Uint8Array): void; stream: object }[]): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return new Date(value)
  const bytes = bytesOf(value)
  if (bytes !== undefined) return Buffer.from(bytes)
  if (value instanceof Set) return new Set([...value].map((one) => clone(one, streams)))
  if (value instanceof Map) return new Map([...value].map(([name, one]) => [name, clone(one, streams)]))
  const copy: Record<string, unknown> = Array.isArray(value)
    ? ([] as never)
    : Object.create(Object.getPrototypeOf(value))
  for (const [name, member] of Object.entries(value)) {
    if (typeof member === 'object' && member !== null && !bytesOf(member) && isStream(member))
      streams.push({
        stream: member,
        set: (read) => {
          copy[name] = read
        },
      })
    else copy[name] = clone(member, streams)
  }
  return copy
}
