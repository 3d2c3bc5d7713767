import { HoldpointError } from '#contract'

/** Attribute values take three levels of JSON each, below about ten of the message itself. */
const MAX_TEXT_DEPTH = 256

/** `{"intValue":1}` is 14 bytes; `{}` takes two, and a hundred in memory. */
const BYTES_PER_OBJECT = 12

/** Integers that a double would round: exporters write 64-bit ones as text, but numbers are allowed too. */
const LARGE_INTEGER = /[[:,]\s*-?\d{16,}/

/** Parses JSON of an untrusted sender; integers beyond 2^53 become `bigint`. Throws INVALID_INPUT, or PAYLOAD_TOO_LARGE. */
export function parseText(body: Uint8Array): unknown {
  refuseBombs(body)
  try {
    const source = new TextDecoder('utf-8', { fatal: true }).decode(body)
    return LARGE_INTEGER.test(source) ? JSON.parse(source, keepInteger) : JSON.parse(source)
  } catch (cause) {
    throw new HoldpointError('INVALID_INPUT', `OTLP JSON: ${(cause as Error).message.slice(0, 200)}`, {
      cause,
    })
  }
}

function keepInteger(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  const written = context?.source ?? ''
  return /^-?\d{1,40}$/.test(written) ? BigInt(written) : value
}

/** 64 MiB of `[` or of `{},` cost JSON.parse gigabytes before anybody can count: depth and number come first. */
function refuseBombs(body: Uint8Array): void {
  let depth = 0
  let left = 1_000 + body.length / BYTES_PER_OBJECT
  for (let at = 0; at < body.length; at++) {
    const byte = body[at]
    if (byte === QUOTE) {
      for (at++; at < body.length && body[at] !== QUOTE; at++) if (body[at] === BACKSLASH) at++
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (--left < 0)
        throw new HoldpointError('PAYLOAD_TOO_LARGE', 'OTLP JSON: too many objects for a body of this size')
      if (++depth > MAX_TEXT_DEPTH)
        throw new HoldpointError(
          'INVALID_INPUT',
          `OTLP JSON: nesting deeper than ${MAX_TEXT_DEPTH}, at byte ${at}`,
        )
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--
  }
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
