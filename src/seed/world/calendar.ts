import type { Shift } from './agents.ts'
import type { Zone } from './people.ts'

export interface LocalTime {
  /** 0 is Sunday. */
  weekday: number
  hour: number
  minute: number
}

const HOUR_MS = 3_600_000
const formats = new Map<Zone, Intl.DateTimeFormat>()
const offsets = new Map<string, number>()

/** Summer time included. */
export function localTime(zone: Zone, atMs: number): LocalTime {
  const shifted = new Date(atMs + offsetMs(zone, atMs))
  return { weekday: shifted.getUTCDay(), hour: shifted.getUTCHours(), minute: shifted.getUTCMinutes() }
}

/** The first instant from `fromMs` on at which clocks in the zone show this time. */
export function nextLocal(zone: Zone, fromMs: number, hour: number, minute: number): number {
  const local = fromMs + offsetMs(zone, fromMs)
  const midnight = Math.floor(local / (24 * HOUR_MS)) * 24 * HOUR_MS
  const wanted = midnight + hour * HOUR_MS + minute * 60_000
  const at = (wanted < local ? wanted + 24 * HOUR_MS : wanted) - offsetMs(zone, fromMs)
  return at + offsetMs(zone, fromMs) - offsetMs(zone, at)
}

/** Asked once for each hour: a formatter takes its time. */
function offsetMs(zone: Zone, atMs: number): number {
  const hour = Math.floor(atMs / HOUR_MS) * HOUR_MS
  const key = `${zone} ${hour}`
  const known = offsets.get(key)
  if (known !== undefined) return known
  const format =
    formats.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
    })
  formats.set(zone, format)
  const parts = Object.fromEntries(format.formatToParts(hour).map(({ type, value }) => [type, Number(value)]))
  const { year = 0, month = 1, day = 1, hour: hours = 0, minute = 0 } = parts
  const offset = Date.UTC(year, month - 1, day, hours, minute) - hour
  offsets.set(key, offset)
  return offset
}

const isWeekend = ({ weekday }: LocalTime): boolean => weekday === 0 || weekday === 6

/** By the hour of the day: the morning's rise, the dip at noon, an evening that ebbs away. */
const OFFICE = [
  0.01, 0.01, 0.01, 0.01, 0.01, 0.02, 0.06, 0.2, 0.6, 0.95, 1, 0.95, 0.65, 0.85, 1, 0.95, 0.85, 0.6, 0.3,
  0.18, 0.12, 0.07, 0.04, 0.02,
]

/** How busy an agent is at this time, between 0 and 1. */
export function activity(shift: Shift, local: LocalTime): number {
  if (shift === 'always') return isWeekend(local) ? 0.7 : 1
  if (shift === 'night') return local.hour >= 1 && local.hour < 5 ? 1 : 0
  return (OFFICE[local.hour] as number) * (isWeekend(local) ? 0.08 : 1)
}

/** Whether somebody who lives there looks at what comes in. */
export const isAtWork = (local: LocalTime): boolean => !isWeekend(local) && local.hour >= 8 && local.hour < 19
