import { HoldpointError, type Shape } from '#contract'
import { type Html, html, NOTHING } from '../html/html.ts'

/** Both ends included; milliseconds since the epoch. */
export interface TimeRange {
  fromMs: number
  toMs: number
}

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
export const PRESETS = {
  '1h': { word: 'Last hour', ms: HOUR_MS },
  '24h': { word: '24 hours', ms: DAY_MS },
  '7d': { word: '7 days', ms: 7 * DAY_MS },
  '30d': { word: '30 days', ms: 30 * DAY_MS },
  '90d': { word: '90 days', ms: 90 * DAY_MS },
} as const
export type Preset = keyof typeof PRESETS
export const presetNames = Object.keys(PRESETS) as Preset[]
/** As far back as policies usually reach; whoever looks further back names both ends. */
const USUAL: Preset = '7d'
const MOST_DAYS = 366

export interface GivenRange {
  range?: Preset | undefined
  from?: number | undefined
  to?: number | undefined
}

/** `range` ends at `to`, and counts only where `from` is not given. Throws INVALID_INPUT. */
export function rangeOf({ range = USUAL, from, to }: GivenRange, nowMs: number): TimeRange {
  const toMs = to ?? nowMs
  const fromMs = from ?? Math.max(0, toMs - PRESETS[range].ms)
  if (fromMs > toMs)
    throw new HoldpointError(
      'INVALID_INPUT',
      `filter: from is ${momentText(fromMs)}, expected a time before ${to === undefined ? 'now' : `to, which is ${momentText(toMs)}`}`,
    )
  if (toMs - fromMs > MOST_DAYS * DAY_MS)
    throw new HoldpointError(
      'INVALID_INPUT',
      `filter: from is ${momentText(fromMs)}, expected a time at most ${MOST_DAYS} days before ${momentText(toMs)}`,
    )
  return { fromMs, toMs }
}

const LIKE = 'a time such as 2026-11-21T16:30, which is taken for UTC, or 2026-11-21T17:30:15+01:00'
const FORM = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?)?$/

/** A time as a form or a person writes it. A day alone means its first moment, or its last. */
export const momentShape =
  (edge: 'first' | 'last'): Shape<number> =>
  (value, at, report) => {
    const found = typeof value === 'string' ? FORM.exec(value) : null
    if (!found) return report(at, LIKE, value)
    const [written, zone] = found
    const text = written.replace(' ', 'T')
    const atMs = Date.parse(text.length === 10 || zone ? text : `${text}Z`)
    // The engine's times end before 2286, and Date would take February the 31st for a day in March.
    const isDay = Number.isFinite(atMs) && atMs >= 0 && atMs <= 9_999_999_999_999
    if (!isDay || (!zone && !new Date(atMs).toISOString().startsWith(text.slice(0, 10))))
      return report(at, LIKE, value)
    return text.length === 10 && edge === 'last' ? atMs + DAY_MS - 1 : atMs
  }

/** As `datetime-local` takes it, and as an address says it: to the second, where it is one. */
export const momentText = (atMs: number): string =>
  new Date(atMs)
    .toISOString()
    .replace(/Z$/, '')
    .replace(/\.000$/, '')

/** Ways to ask for the last so many days, each an address of its own. */
export const presetLinks = (addressOf: (preset: Preset) => string, chosen: Preset | undefined): Html =>
  html`<ul class="presets" aria-label="Time">${presetNames.map(
    (preset) =>
      html`<li><a href="${addressOf(preset)}"${preset === chosen ? html` aria-current="true"` : NOTHING}>${PRESETS[preset].word}</a></li>
`,
  )}</ul>`

/** Which preset an address asks for, if any. */
export const presetOf = ({ range, from, to }: GivenRange): Preset | undefined =>
  from === undefined && to === undefined ? (range ?? USUAL) : undefined
