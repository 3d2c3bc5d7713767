import { METRIC, REQUEST } from './messages.ts'
import type { Range } from './ranges.ts'
import { type Edit, rebuild } from './rebuild.ts'
import { type Cursor, readFixed64, readLength, readVarint32, skipField, textOf } from './wire.ts'

const OURS = 'holdpoint.'
/** As far as clocks of one house may lie apart. */
const TOLERANCE_MS = 300_000
const NAME = 1
const TIME = 3

/**
 * Metrics without points of Holdpoint's own that are dated after their arrival. Anybody may send metrics in our name:
 * dated ahead, they would go on to report that all is well when the pipeline stands still. The same bytes come back
 * where there are none. `body` has been checked.
 */
export function withoutAhead(body: Uint8Array, receivedAtMs: number): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.length)
  if (!bytes.includes(OURS)) return body
  const latestNs = BigInt(receivedAtMs + TOLERANCE_MS) * 1_000_000n
  let isOurs = false
  let found = false
  const edit: Edit = (_writer, _message, field, value) => {
    if (field.message === METRIC) {
      isOurs = nameOf(body, value).startsWith(OURS)
      return isOurs ? 'enter' : 'keep'
    }
    if (field.name !== 'dataPoints') return ABOVE_POINTS.has(field.name) ? 'enter' : 'keep'
    if (timeOf(body, value) <= latestNs) return 'keep'
    found = true
    return 'replaced'
  }
  const edited = rebuild(body, REQUEST.metrics, edit)
  return found ? edited : body
}

const ABOVE_POINTS: ReadonlySet<string> = new Set([
  ...['resourceMetrics', 'scopeMetrics'],
  ...['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'],
])

function nameOf(body: Uint8Array, metric: Range): string {
  let name = ''
  eachField(body, metric, NAME, (cursor) => {
    const length = readLength(cursor, metric.to)
    name = textOf(body, cursor.at, cursor.at + length)
    cursor.at += length
  })
  return name
}

function timeOf(body: Uint8Array, point: Range): bigint {
  let timeNs = 0n
  eachField(body, point, TIME, (cursor) => {
    timeNs = readFixed64(cursor)
  })
  return timeNs
}

function eachField(body: Uint8Array, { from, to }: Range, no: number, read: (cursor: Cursor) => void): void {
  const cursor: Cursor = { bytes: body, at: from }
  while (cursor.at < to) {
    const tag = readVarint32(cursor)
    if (tag >>> 3 === no) read(cursor)
    else skipField(cursor, tag, to)
  }
}
