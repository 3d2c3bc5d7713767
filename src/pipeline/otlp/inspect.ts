import { eachField } from './fields.ts'
import type { Item } from './items.ts'
import { ANY_VALUE, KEY_VALUE, LOG_RECORD, SPAN } from './messages.ts'
import type { Range } from './ranges.ts'
import type { Message } from './schema.ts'
import { dayOfTime, isTimeLate } from './time.ts'

export interface Inspected {
  /** Why a well-formed item can never be stored, as things stand; `undefined` where it can. */
  fault: string | undefined
  /** Days since the epoch of the time by which its table is partitioned. */
  day: number
}

/** One look at an item's fields, as every item gets it that arrives. */
export function inspect(body: Uint8Array, { message, from, to }: Item): Inspected {
  const ids: Ids = { hasTrace: false, hasSpan: false, hasStrangeParent: false }
  const timeNo = message === SPAN ? START_NO : message === LOG_RECORD ? LOG_TIME_NO : POINT_TIME_NO
  let isLate = false
  let day = 0
  eachField(body, { from, to }, (no, at, end) => {
    const field = message.fields[no]
    if (field?.type === 'time') {
      isLate ||= isTimeLate(body, at)
      if (no === timeNo) day = dayOfTime(body, at) || day
      else if (no === OBSERVED_NO && message === LOG_RECORD && day === 0) day = dayOfTime(body, at)
    } else if (field?.type === 'id') noteId(ids, body, no, at, end)
    else if (field?.type === 'message') isLate ||= isLateWithin(body, field.message, { from: at, to: end })
  })
  return { fault: (message === SPAN ? faultOf(ids) : undefined) ?? (isLate ? LATE : undefined), day }
}

const START_NO = 7
const LOG_TIME_NO = 1
/** When a log record was seen, where nobody says when it was made. */
const OBSERVED_NO = 11
const POINT_TIME_NO = 3
const LATE = 'a time is beyond the year 2262'

/** Of a span. */
interface Ids {
  hasTrace: boolean
  hasSpan: boolean
  hasStrangeParent: boolean
}

function noteId(ids: Ids, body: Uint8Array, no: number, from: number, to: number): void {
  if (no === 1) ids.hasTrace = to - from === 16 && !isZero(body, from, to)
  else if (no === 2) ids.hasSpan = to - from === 8 && !isZero(body, from, to)
  else if (no === 4) ids.hasStrangeParent = to !== from && to - from !== 8
}

function faultOf({ hasTrace, hasSpan, hasStrangeParent }: Ids): string | undefined {
  if (!hasTrace) return 'the trace id must be 16 bytes, not all zero'
  if (!hasSpan) return 'the span id must be 8 bytes, not all zero'
  return hasStrangeParent ? 'the parent span id must be 8 bytes' : undefined
}

function isZero(body: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (body[at] !== 0) return false
  return true
}

/** Of events and exemplars; values have no times. */
function isLateWithin(body: Uint8Array, message: Message, range: Range): boolean {
  if (message === KEY_VALUE || message === ANY_VALUE) return false
  let isLate = false
  eachField(body, range, (no, at, to) => {
    const field = message.fields[no]
    if (field?.type === 'time') isLate ||= isTimeLate(body, at)
    else if (field?.type === 'message') isLate ||= isLateWithin(body, field.message, { from: at, to })
  })
  return isLate
}
