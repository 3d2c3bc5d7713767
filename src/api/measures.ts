import { metrics } from '@opentelemetry/api'
import type { Context, Next } from 'hono'
import { routePath } from 'hono/route'
import { createMeter } from '#runtime'
import { INSTRUMENTS } from './instruments.ts'

const METHODS = new Set(['GET', 'HEAD', 'POST', 'OPTIONS'])

export interface Measures {
  /** Times every call; the name of the route, never the path, so that nobody can make series without end. */
  measured(c: Context, next: Next): Promise<void>
  streamOpened(): void
  streamClosed(): void
}

export function createMeasures(): Measures {
  const meter = createMeter(metrics.getMeter('holdpoint.api'))
  const duration = meter.of(INSTRUMENTS.requests)
  const streams = meter.of(INSTRUMENTS.streams)

  return {
    async measured(c, next) {
      const startedAt = performance.now()
      await next()
      duration((performance.now() - startedAt) / 1000, {
        'http.request.method': METHODS.has(c.req.method) ? c.req.method : '_OTHER',
        'http.route': routePath(c, -1),
        'http.response.status_code': c.res.status,
      })
    },
    streamOpened: () => streams(1),
    streamClosed: () => streams(-1),
  }
}
