import { metrics } from '@opentelemetry/api'
import type { Context, Next } from 'hono'
import { routePath } from 'hono/route'

const BOUNDS_S = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS'])

interface Series {
  labels: string
  counts: number[]
  sum: number
}

export interface Measures {
  /** Times every call; the name of the route, never the path, so that nobody can make series without end. */
  measured(c: Context, next: Next): Promise<void>
  streamOpened(): void
  streamClosed(): void
  /** Prometheus text format 0.0.4, of this process alone. */
  exposition(): string
}

/** What this process knows of its calls: for whoever scrapes /metrics, and for OpenTelemetry where it is on. */
export function createMeasures(deps: { now: () => number }): Measures {
  const startedAtMs = deps.now()
  const meter = metrics.getMeter('holdpoint.api')
  const duration = meter.createHistogram('http.server.request.duration', {
    unit: 's',
    description: 'Duration of HTTP server requests.',
  })
  const open = meter.createUpDownCounter('holdpoint.api.streams', {
    unit: '{stream}',
    description: 'Event streams that are open.',
  })
  const series = new Map<string, Series>()
  let streams = 0

  function record(method: string, route: string, status: number, seconds: number): void {
    duration.record(seconds, {
      'http.request.method': method,
      'http.route': route,
      'http.response.status_code': status,
    })
    const labels = `http_request_method="${method}",http_route="${route}",http_response_status_code="${status}"`
    const one = series.get(labels) ?? { labels, counts: Array(BOUNDS_S.length + 1).fill(0), sum: 0 }
    const place = BOUNDS_S.findIndex((bound) => seconds <= bound)
    one.counts[place === -1 ? BOUNDS_S.length : place] = (one.counts.at(place) ?? 0) + 1
    one.sum += seconds
    series.set(labels, one)
  }

  return {
    async measured(c, next) {
      const startedAt = performance.now()
      await next()
      const method = METHODS.has(c.req.method) ? c.req.method : '_OTHER'
      const route = routePath(c, -1)
      record(method, route, c.res.status, (performance.now() - startedAt) / 1000)
    },
    streamOpened() {
      streams++
      open.add(1)
    },
    streamClosed() {
      streams--
      open.add(-1)
    },
    exposition: () =>
      [
        '# HELP http_server_request_duration_seconds Duration of HTTP server requests, to the first byte.',
        '# TYPE http_server_request_duration_seconds histogram',
        ...[...series.values()].flatMap(histogram),
        '# HELP holdpoint_api_streams Event streams that are open.',
        '# TYPE holdpoint_api_streams gauge',
        `holdpoint_api_streams ${streams}`,
        '# HELP process_start_time_seconds When this process began to serve.',
        '# TYPE process_start_time_seconds gauge',
        `process_start_time_seconds ${startedAtMs / 1000}`,
        '',
      ].join('\n'),
  }
}

function histogram({ labels, counts, sum }: Series): string[] {
  const name = 'http_server_request_duration_seconds'
  let total = 0
  const buckets = counts.map((count, at) => {
    total += count
    return `${name}_bucket{${labels},le="${BOUNDS_S[at] ?? '+Inf'}"} ${total}`
  })
  return [...buckets, `${name}_sum{${labels}} ${sum}`, `${name}_count{${labels}} ${total}`]
}
