import type { Hono } from 'hono'
import { HoldpointError, visibleLine } from '#contract'
import { type Env, type Parts, page } from '../context.ts'
import { html } from '../html/html.ts'
import { TRACE_ID, traceBody } from '../trace/trace-part.ts'

/** A trace by itself: what an action did that no request is about has no other page. */
export function traceRoutes(app: Hono<Env>, parts: Parts): void {
  app.get('/traces/:id', async (c) => {
    const traceId = c.req.param('id').toLowerCase()
    if (!TRACE_ID.test(traceId))
      throw new HoldpointError(
        'INVALID_INPUT',
        `trace id: it is ${JSON.stringify(traceId.slice(0, 80).toWellFormed())}, expected 32 hexadecimal digits`,
      )
    // The broker knows who may read here; the store does not.
    await parts.desk.agents(c.get('session').token)
    const trace = await traceBody(parts, traceId, {
      none: 'Nothing of this trace is in ClickHouse: it has not arrived, was not sent, or is older than what is kept.',
      unanswered: 'Try again in a moment.',
    })
    const body = html`<p class="crumbs"><a href="/actions">Who acted</a> <span aria-hidden="true">›</span> <code>${visibleLine(traceId)}</code></p>
<h1>Trace</h1>
<section class="trace alone" aria-label="Spans and actions">${trace}</section>`
    return page(c, parts, { title: `Trace ${traceId.slice(0, 8)}`, place: '/actions' }, body)
  })
}
