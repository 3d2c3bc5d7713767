import type { Hono } from 'hono'
import { type Env, type Parts, page } from '../context.ts'
import { html, NOTHING } from '../html/html.ts'
import { plural } from '../html/words.ts'
import { filterForm, listAddress, readCursor, readFilter } from './filter.ts'
import { requestTable } from './request-row.ts'

const ROWS = 50

/** What has been decided, newest first. */
export function historyRoutes(app: Hono<Env>, parts: Parts): void {
  app.get('/history', async (c) => {
    const query = c.req.query()
    const cursor = readCursor(query)
    const { requests, total, next } = await parts.desk.list(c.get('session').token, {
      ...readFilter(query),
      state: 'decided',
      limit: ROWS,
      ...(cursor === undefined ? {} : { cursor }),
    })
    const body = html`<div class="head"><h1>History</h1><p class="tally"><span>${plural(total, 'decided request')}</span></p></div>
${filterForm('/history', query)}
<section class="list" aria-labelledby="decided">
<h2 id="decided" class="unseen">Decided requests, newest first</h2>
${requests.length === 0 ? EMPTY : requestTable({ id: 'decided', last: 'Decided' }, requests, parts.now())}
</section>
<p class="pages">${cursor === undefined ? NOTHING : html`<a href="${listAddress('/history', query)}">Newest</a> `}${next === undefined ? NOTHING : html`<a rel="next" href="${listAddress('/history', query, { cursor: next })}">Older</a>`}</p>`
    return page(c, parts, { title: 'History', place: '/history' }, body)
  })
}

const EMPTY = html`<div class="empty"><p><strong>Nothing has been decided</strong> that matches. Approved, denied, expired and cancelled requests stay here.</p></div>`
