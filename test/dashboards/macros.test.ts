import { describe, expect, test } from 'vitest'
import { interpolate } from '../support/grafana/interpolate.ts'
import { expandMacros } from '../support/grafana/macros.ts'

const range = { fromMs: 1_790_000_000_123, toMs: 1_790_604_800_999, intervalMs: 90_500 }

/** What version 4.20 of the plugin makes of these: seconds and milliseconds are cut off, never rounded. */
const vectors: [sql: string, expanded: string][] = [
  ['$__fromTime', 'toDateTime(1790000000)'],
  ['$__toTime', 'toDateTime(1790604800)'],
  ['$__fromTime_ms', 'fromUnixTimestamp64Milli(1790000000123)'],
  ['$__toTime_ms', 'fromUnixTimestamp64Milli(1790604800999)'],
  ['$__timeFilter(at)', 'at >= toDateTime(1790000000) AND at <= toDateTime(1790604800)'],
  [
    '$__timeFilter_ms(l.at)',
    'l.at >= fromUnixTimestamp64Milli(1790000000123) AND l.at <= fromUnixTimestamp64Milli(1790604800999)',
  ],
  ['$__timeInterval(at)', 'toStartOfInterval(toDateTime(at), INTERVAL 90 second)'],
  ['$__timeInterval_ms(at)', 'toStartOfInterval(toDateTime64(at, 3), INTERVAL 90500 millisecond)'],
  ['$__interval_s', '90'],
  ['a < $__fromTime_ms - INTERVAL 30 DAY', 'a < fromUnixTimestamp64Milli(1790000000123) - INTERVAL 30 DAY'],
  ['$__timeInterval( at )', 'toStartOfInterval(toDateTime(at), INTERVAL 90 second)'],
  ['SELECT 1', 'SELECT 1'],
]

describe('macros of the ClickHouse plugin', () => {
  test.for(vectors)('grafana - %s', ([sql, expanded]) => {
    expect(expandMacros(sql, range)).toBe(expanded)
  })

  test('grafana - an interval is never shorter than a second, or than a millisecond', () => {
    expect(expandMacros('$__interval_s $__timeInterval_ms(at)', { ...range, intervalMs: 0 })).toBe(
      '1 toStartOfInterval(toDateTime64(at, 3), INTERVAL 1 millisecond)',
    )
  })

  test.for([
    '$__timeFilter',
    '$__timeFilter()',
    '$__timeFilter(a, b)',
    '$__fromTime(at)',
    '$__timeFrom(at)',
    '$__timefilter(at)',
    '$__unixEpochFilter(at)',
  ])('grafana - refused: %s', (sql) => {
    expect(() => expandMacros(sql, range)).toThrow(sql)
  })
})

describe('variables of Grafana', () => {
  const chosen = {
    agent: ["o'hara", 'a&b=c', 'x\\', '💥'],
    nobody: [],
    everybody: { all: '*' },
    text: "' OR 1=1 --\\",
  }
  const accepted: [sql: string, sent: string][] = [
    ['$' + '{agent:customqueryparam:is}', 'is=o%27hara&is=a%26b%3Dc&is=x%5C&is=%F0%9F%92%A5'],
    ['$' + '{nobody:customqueryparam:is}', ''],
    ['$' + '{everybody:customqueryparam:is}', '*'],
    ['$' + '{text:percentencode}', '%27%20OR%201%3D1%20--%5C'],
    ['$' + '{__from} $' + '{__to}', '1790000000123 1790604800999'],
    ['$__timeFilter(at)', '$__timeFilter(at)'],
  ]
  test.for(accepted)('grafana - %s', ([sql, sent]) => {
    expect(interpolate(sql, chosen, range)).toBe(sent)
  })

  test.for([
    '$' + '{agent}',
    '$' + '{agent:singlequote}',
    '$' + '{agent:sqlstring}',
    '$' + '{agent:raw}',
    '$' + '{agent:percentencode}',
    '$' + '{text:customqueryparam:is}',
    '$' + '{text:csv}',
    '$' + '{stranger:percentencode}',
    '$agent',
  ])('grafana - refused, for words of somebody would reach SQL: %s', (sql) => {
    expect(() => interpolate(sql, chosen, range)).toThrow(
      /no format|no such variable|write \$\{name:format\}/,
    )
  })
})
