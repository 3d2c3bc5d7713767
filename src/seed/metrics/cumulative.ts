import type { Metric } from './catalogue.ts'
import { createSeries, type Distribution, type Points, type Series } from './series.ts'

/** What has been counted and measured up to a step; series begin with what is first counted in them. */
export interface Cumulative {
  add(metric: Metric, attributes: Readonly<Record<string, string>>, more?: number): void
  measure(metric: Metric, attributes: Readonly<Record<string, string>>, value: number): void
  /** Writes the points of this step. */
  write(points: Points, atS: number): void
}

interface Counted {
  series: Series
  value: number
  distribution?: Distribution
  /** What has not been written yet. */
  isNew: boolean
  /** When a point was written last, seconds. */
  writtenS: number
}

/** A series in which nothing happens says so once an hour: a week of every step would be larger than the week. */
const REPEATED_S = 3600

export function createCumulative(startS: number): Cumulative {
  const all = new Map<string, Counted>()

  function find(metric: Metric, attributes: Readonly<Record<string, string>>): Counted {
    const key = `${metric.name} ${JSON.stringify(attributes)}`
    const known = all.get(key)
    if (known) return known
    const fresh: Counted = {
      series: createSeries(metric, attributes, startS),
      value: 0,
      isNew: true,
      writtenS: 0,
    }
    all.set(key, fresh)
    return fresh
  }

  return {
    add(metric, attributes, more = 1) {
      if (more === 0) return
      const one = find(metric, attributes)
      one.value += more
      one.isNew = true
    },
    measure(metric, attributes, value) {
      const one = find(metric, attributes)
      const { bounds = [] } = metric
      one.distribution ??= {
        count: 0,
        sum: 0,
        least: value,
        most: value,
        buckets: Array(bounds.length + 1).fill(0),
      }
      const { distribution } = one
      distribution.count++
      distribution.sum += value
      distribution.least = Math.min(distribution.least, value)
      distribution.most = Math.max(distribution.most, value)
      const bucket = bounds.findIndex((bound) => value <= bound)
      const place = bucket === -1 ? bounds.length : bucket
      distribution.buckets[place] = (distribution.buckets[place] as number) + 1
      one.isNew = true
    },
    write(points, atS) {
      for (const one of all.values()) {
        if (!one.isNew && atS - one.writtenS < REPEATED_S) continue
        if (one.distribution) points.histogram(one.series, atS, one.distribution)
        else points.sum(one.series, atS, one.value)
        one.isNew = false
        one.writtenS = atS
      }
    },
  }
}
