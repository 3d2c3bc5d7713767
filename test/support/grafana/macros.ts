/**
 * The macros of Grafana's ClickHouse plugin, version 4.20, that dashboards here may use: what its backend makes of
 * a query before ClickHouse gets it. A macro that is not among these is refused, so that nobody uses one untested.
 */
export interface TimeRange {
  fromMs: number
  toMs: number
  /** What Grafana finds sensible for the width of a panel. */
  intervalMs: number
}

const seconds = (ms: number): string => `toDateTime(${Math.floor(ms / 1000)})`
const milliseconds = (ms: number): string => `fromUnixTimestamp64Milli(${ms})`
const intervalSeconds = ({ intervalMs }: TimeRange): number => Math.max(Math.trunc(intervalMs / 1000), 1)

type Macro = { arguments: number; expand(range: TimeRange, ...given: string[]): string }

const MACROS: Readonly<Record<string, Macro>> = {
  fromTime: { arguments: 0, expand: ({ fromMs }) => seconds(fromMs) },
  toTime: { arguments: 0, expand: ({ toMs }) => seconds(toMs) },
  fromTime_ms: { arguments: 0, expand: ({ fromMs }) => milliseconds(fromMs) },
  toTime_ms: { arguments: 0, expand: ({ toMs }) => milliseconds(toMs) },
  interval_s: { arguments: 0, expand: (range) => String(intervalSeconds(range)) },
  timeFilter: {
    arguments: 1,
    expand: ({ fromMs, toMs }, column) => `${column} >= ${seconds(fromMs)} AND ${column} <= ${seconds(toMs)}`,
  },
  timeFilter_ms: {
    arguments: 1,
    expand: ({ fromMs, toMs }, column) =>
      `${column} >= ${milliseconds(fromMs)} AND ${column} <= ${milliseconds(toMs)}`,
  },
  timeInterval: {
    arguments: 1,
    expand: (range, column) =>
      `toStartOfInterval(toDateTime(${column}), INTERVAL ${intervalSeconds(range)} second)`,
  },
  timeInterval_ms: {
    arguments: 1,
    expand: ({ intervalMs }, column) =>
      `toStartOfInterval(toDateTime64(${column}, 3), INTERVAL ${Math.max(Math.trunc(intervalMs), 1)} millisecond)`,
  },
}

/** Throws an Error that names the macro, where it is unknown, or given too much or too little. */
export function expandMacros(sql: string, range: TimeRange): string {
  return sql.replaceAll(/\$__(\w+)(?:\(([^()]*)\))?/g, (whole, name: string, inside: string | undefined) => {
    const macro = MACROS[name]
    if (macro === undefined) throw new Error(`${whole}: no macro that dashboards here use`)
    const given =
      inside === undefined || inside.trim() === '' ? [] : inside.split(',').map((one) => one.trim())
    // Without arguments of its own, whatever stands in parentheses behind it is not the macro's.
    if (macro.arguments === 0 && given.length === 0) return macro.expand(range)
    if (given.length !== macro.arguments)
      throw new Error(`${whole}: expected ${macro.arguments} arguments, found ${given.length}`)
    return macro.expand(range, ...given)
  })
}
