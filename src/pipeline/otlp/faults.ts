import { eachField } from './fields.ts'
import type { Item } from './items.ts'
import { ANY_VALUE, KEY_VALUE, LOG_RECORD, SPAN } from './messages.ts'
import type { Range } from './ranges.ts'
import type { Message } from './schema.ts'

/** Why a well-formed item can never be stored, as things stand; `undefined` where it can. */
export function findFault(body: Uint8Array, item: Item): string | undefined {
  return (
    (item.message === SPAN ? faultOfIds(body, item) : undefined) ??
    (isBeyondTime(body, item.message, item) ? 'a time is beyond the year 2262' : undefined)
  )
}

function faultOfIds(body: Uint8Array, span: Range): string | undefined {
  let hasTrace = false
  let hasSpan = false
  let hasStrangeParent = false
  eachField(body, span, (no, at, to) => {
    if (no === 1) hasTrace = to - at === 16 && !isZero(body, at, to)
    else if (no === 2) hasSpan = to - at === 8 && !isZero(body, at, to)
    else if (no === 4) hasStrangeParent = to !== at && to - at !== 8
  })
  if (!hasTrace) return 'the trace id must be 16 bytes, not all zero'
  if (!hasSpan) return 'the span id must be 8 bytes, not all zero'
  return hasStrangeParent ? 'the parent span id must be 8 bytes' : undefined
}

function isZero(body: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (body[at] !== 0) return false
  return true
}

/** DateTime64(9) holds signed 64-bit nanoseconds: until April 2262, where the highest bit begins. */
function isBeyondTime(body: Uint8Array, message: Message, range: Range): boolean {
  let beyond = false
  eachField(body, range, (no, at, to) => {
    const field = message.fields[no]
    if (field?.type === 'time') beyond ||= (body[to - 1] as number) >= 0x80
    else if (field?.type === 'message' && field.message !== KEY_VALUE && field.message !== ANY_VALUE)
      beyond ||= isBeyondTime(body, field.message, { from: at, to })
  })
  return beyond
}

/** Days since the epoch of the time by which its table is partitioned: of a log record when it was seen, at least. */
export function dayOf(body: Uint8Array, { message, from, to }: Item): number {
  const timeNo = message === SPAN ? START_NO : message === LOG_RECORD ? LOG_TIME_NO : POINT_TIME_NO
  let day = 0
  eachField(body, { from, to }, (no, at) => {
    if (no === timeNo) day = dayAt(body, at) || day
    else if (no === OBSERVED_NO && message === LOG_RECORD && day === 0) day = dayAt(body, at)
  })
  return day
}

const START_NO = 7
const LOG_TIME_NO = 1
const OBSERVED_NO = 11
const POINT_TIME_NO = 3

const view = new DataView(new ArrayBuffer(8))

/** Of a fixed64 of nanoseconds: a day is 2^16 × 1,318,359,375 of them, so that all of it is exact in a double. */
function dayAt(body: Uint8Array, at: number): number {
  for (let byte = 0; byte < 8; byte++) view.setUint8(byte, body[at + byte] as number)
  return Math.floor((view.getUint32(4, true) * 2 ** 16 + view.getUint16(2, true)) / 1_318_359_375)
}
