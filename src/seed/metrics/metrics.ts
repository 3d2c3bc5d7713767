import type { RowBlock } from '#store'
import type { Random } from '../random.ts'
import { STEP_MS } from '../week/volume.ts'
import type { Week } from '../week/week.ts'
import { METRICS, type Metric } from './catalogue.ts'
import { createCumulative } from './cumulative.ts'
import { eventsOf } from './events.ts'
import { createPoints, createSeries } from './series.ts'

/** What Holdpoint's own processes said of themselves during the week. */
export function metricBlocks(week: Week): RowBlock[] {
  const startS = Math.floor(week.fromMs / 1000)
  const random = week.random('metrics')
  const points = createPoints()
  const cumulative = createCumulative(startS)
  const gauges = gaugesOf(week, random).map(({ metric, attributes, valueAt }) => ({
    series: createSeries(metric, attributes, startS),
    valueAt,
  }))
  const streams = createSeries(METRICS.streams, {}, startS)
  const events = eventsOf(week)
  let next = 0
  for (let step = 0; step < week.volume.steps; step++) {
    const atMs = Math.min(week.fromMs + (step + 1) * STEP_MS, week.untilMs)
    const atS = Math.floor(atMs / 1000)
    for (let event = events[next]; event && event.atMs < atMs; event = events[++next]) event.count(cumulative)
    cumulative.add(METRICS.items, { signal: 'traces', result: 'stored' }, week.volume.spans[step])
    for (const [verification, counts] of week.volume.verdicts)
      cumulative.add(METRICS.verdicts, { verification }, counts[step])
    const visits = random.between(0, 4)
    for (let visit = 0; visit < visits; visit++)
      cumulative.measure(METRICS.requests, random.pick(ROUTES), random.around(0.014))
    cumulative.write(points, atS)
    for (const { series, valueAt } of gauges) points.gauge(series, atS, valueAt(atMs))
    points.sum(streams, atS, visits + 1)
  }
  return points.finish()
}

const route = (method: string, path: string, status = '200') => ({
  'http.request.method': method,
  'http.route': path,
  'http.response.status_code': status,
})
const ROUTES = [
  route('GET', '/v1/requests'),
  route('GET', '/v1/requests'),
  route('GET', '/v1/requests/:id'),
  route('POST', '/v1/requests/:id/reviews'),
]

interface Gauge {
  metric: Metric
  attributes: Record<string, string>
  valueAt(atMs: number): number
}

/** How things stood at each of the times at which somebody looked. */
function gaugesOf(week: Week, random: Random): Gauge[] {
  const gauge = (
    metric: Metric,
    valueAt: Gauge['valueAt'],
    attributes: Record<string, string> = {},
  ): Gauge => ({
    metric,
    attributes,
    valueAt,
  })
  const rtt = (metric: Metric, connection: string): Gauge =>
    gauge(metric, () => random.around(0.0006, 0.2), { connection })
  const { troubles, volume } = week
  /** Rises for as long as it lasts, from 0 to 1. */
  const troubleAt = (incident: 'ledger-behind' | 'pipeline-lag', atMs: number): number => {
    const trouble = troubles.get(incident)
    if (trouble === undefined || atMs < trouble.fromMs || atMs >= trouble.toMs) return 0
    return (atMs - trouble.fromMs + STEP_MS) / (trouble.toMs - trouble.fromMs + STEP_MS)
  }
  const busiest = volume.spans.reduce((most, spans) => Math.max(most, spans), 1)
  const loadAt = (atMs: number): number =>
    (volume.spans[Math.floor((atMs - 1 - week.fromMs) / STEP_MS)] ?? 0) / busiest
  const freeze = troubles.get('freeze')
  const pending = counter(
    week.requests.flatMap(({ requested, decided }) => [
      { atMs: requested.at, change: 1 },
      { atMs: decided?.at ?? Infinity, change: -1 },
    ]),
  )
  const size = counter(week.ledger.times().map((atMs) => ({ atMs, change: 1 })))
  return [
    gauge(METRICS.pending, pending),
    gauge(METRICS.freezes, (atMs) => (freeze && freeze.fromMs <= atMs && atMs < freeze.toMs ? 1 : 0)),
    gauge(METRICS.ledgerSize, size),
    gauge(METRICS.checkpointAge, () => (random.chance(0.7) ? 0 : random.around(0.4))),
    gauge(METRICS.lag, (atMs) => random.around(0.2 + loadAt(atMs)) + 900 * troubleAt('pipeline-lag', atMs)),
    gauge(
      METRICS.behind,
      (atMs) => (random.chance(0.9) ? 0 : 1) + Math.round(400 * troubleAt('ledger-behind', atMs)),
    ),
    gauge(METRICS.waiting, (atMs) => Math.round(380 * troubleAt('ledger-behind', atMs))),
    gauge(METRICS.bufferBytes, (atMs) =>
      Math.round(2e6 * random.around(0.2 + loadAt(atMs)) + 8e8 * troubleAt('pipeline-lag', atMs)),
    ),
    rtt(METRICS.brokerRtt, 'broker'),
    rtt(METRICS.brokerRtt, 'agents'),
    rtt(METRICS.deskRtt, 'desk'),
    rtt(METRICS.pipelineRtt, 'pipeline'),
    rtt(METRICS.pipelineRtt, 'telemetry'),
  ]
}

/** How many there are at a time; asked for times that only grow. */
function counter(changes: readonly { atMs: number; change: number }[]): (atMs: number) => number {
  const sorted = changes.toSorted((one, other) => one.atMs - other.atMs)
  let next = 0
  let count = 0
  return (atMs) => {
    for (let one = sorted[next]; one && one.atMs <= atMs; one = sorted[++next]) count += one.change
    return count
  }
}
