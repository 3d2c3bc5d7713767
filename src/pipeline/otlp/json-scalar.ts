import { HoldpointError } from '#contract'
import type { Scalar } from './schema.ts'
import {
  type Writer,
  writeBytes,
  writeDouble,
  writeFixed32,
  writeFixed64,
  writeText,
  writeVarint32,
  writeVarint64,
} from './writer.ts'

/** Where in the JSON something stands: members by their names, entries of lists by their numbers. */
export type Path = readonly (string | number)[]

/** Writes one value without its tag. Throws INVALID_INPUT naming its path, what it is and what was expected. */
export const WRITE: Record<Scalar, (writer: Writer, value: unknown, path: Path) => void> = {
  string: (writer, value, path) => writeText(writer, text(value, path)),
  id: (writer, value, path) => writeBytes(writer, id(value, path)),
  bytes: (writer, value, path) => writeBytes(writer, base64(value, path)),
  bool: (writer, value, path) => writeVarint32(writer, boolean(value, path) ? 1 : 0),
  enum: (writer, value, path) => writeVarint64(writer, BigInt(enumeration(value, path))),
  uint32: (writer, value, path) => writeVarint64(writer, integer(value, path, 0n, MAX_UINT32)),
  sint32: (writer, value, path) => writeVarint64(writer, zigzag(integer(value, path, MIN_INT32, MAX_INT32))),
  int64: (writer, value, path) => writeVarint64(writer, integer(value, path, MIN_INT64, MAX_INT64)),
  uint64: (writer, value, path) => writeVarint64(writer, integer(value, path, 0n, MAX_UINT64)),
  fixed32: (writer, value, path) => writeFixed32(writer, Number(integer(value, path, 0n, MAX_UINT32))),
  fixed64: (writer, value, path) => writeFixed64(writer, integer(value, path, 0n, MAX_UINT64)),
  time: (writer, value, path) => writeFixed64(writer, integer(value, path, 0n, MAX_UINT64)),
  sfixed64: (writer, value, path) => writeFixed64(writer, integer(value, path, MIN_INT64, MAX_INT64)),
  double: (writer, value, path) => writeDouble(writer, double(value, path)),
}

const MAX_UINT32 = 2n ** 32n - 1n
const MAX_INT32 = 2n ** 31n - 1n
const MIN_INT32 = -(2n ** 31n)
const MAX_INT64 = 2n ** 63n - 1n
const MIN_INT64 = -(2n ** 63n)
const MAX_UINT64 = 2n ** 64n - 1n

const zigzag = (value: bigint): bigint => (value < 0n ? -2n * value - 1n : 2n * value)

/** 64-bit integers come as text, as exporters write them, or as a number. */
function integer(value: unknown, path: Path, min: bigint, max: bigint): bigint {
  const whole =
    typeof value === 'bigint'
      ? value
      : (typeof value === 'number' && Number.isInteger(value)) ||
          (typeof value === 'string' && /^-?\d{1,20}$/.test(value))
        ? BigInt(value)
        : undefined
  if (whole !== undefined && whole >= min && whole <= max) return whole
  throw wrong(path, `a whole number from ${min} to ${max}, as text or number`, value)
}

function enumeration(value: unknown, path: Path): number {
  if (Number.isSafeInteger(value) && Math.abs(value as number) < 2 ** 31) return value as number
  throw wrong(path, 'an integer (OTLP/JSON has no enum names)', value)
}

function id(value: unknown, path: Path): Uint8Array {
  const digits = text(value, path)
  if (digits.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(digits)) return Buffer.from(digits, 'hex')
  throw wrong(path, 'hex digits', value)
}

function base64(value: unknown, path: Path): Uint8Array {
  const encoded = text(value, path)
  if (/^[A-Za-z0-9+/_-]*={0,2}$/.test(encoded)) return Buffer.from(encoded, 'base64')
  throw wrong(path, 'base64', value)
}

function text(value: unknown, path: Path): string {
  if (typeof value === 'string') return value
  throw wrong(path, 'a text', value)
}

function boolean(value: unknown, path: Path): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(path, 'true or false', value)
}

function double(value: unknown, path: Path): number {
  if (typeof value === 'number' || typeof value === 'bigint') return Number(value)
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  if (typeof value === 'string' && /^-?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return Number(value)
  throw wrong(path, 'a number', value)
}

export function wrong(path: Path, expected: string, found: unknown): HoldpointError {
  const shown =
    typeof found === 'object' && found !== null
      ? Array.isArray(found)
        ? 'a list'
        : 'an object'
      : (JSON.stringify(typeof found === 'bigint' ? String(found) : found) ?? 'missing').slice(0, 80)
  return new HoldpointError(
    'INVALID_INPUT',
    `OTLP JSON: ${nameOf(path) || 'the body'} is ${shown}, expected ${expected}`,
  )
}

const nameOf = (path: Path): string =>
  path.reduce<string>(
    (name, step) => (typeof step === 'number' ? `${name}[${step}]` : name === '' ? step : `${name}.${step}`),
    '',
  )
