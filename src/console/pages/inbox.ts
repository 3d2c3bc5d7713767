import type { Hono } from 'hono'
import type { RequestSummary } from '#contract'
import { type Env, type Parts, page } from '../context.ts'
import { flag, type Html, html, NOTHING } from '../html/html.ts'
import { alarmsPart } from './alarms.ts'
import { filterForm, listAddress, readCursor, readFilter } from './filter.ts'
import { requestTable } from './request-row.ts'

const ROWS = 50

/** What waits: first what whoever looks can answer, then what waits for others. */
export function inboxRoutes(app: Hono<Env>, parts: Parts): void {
  app.get('/', async (c) => {
    const query = c.req.query()
    const filter = readFilter(query)
    const cursor = readCursor(query)
    const { token } = c.get('session')
    // Before the lists are asked for: what happens meanwhile is sent once the page listens.
    const since = parts.hub.position()
    const showsAll = query.show === 'all'
    const paged = { limit: ROWS, ...(cursor === undefined ? {} : { cursor }) }
    const [mine, all] = await Promise.all([
      parts.desk.list(token, { ...filter, reviewable: true, ...(showsAll ? { limit: 1 } : paged) }),
      parts.desk.list(token, { ...filter, ...(showsAll ? paged : { limit: ROWS }) }),
    ])
    const isFirst = cursor === undefined
    const own = new Set(mine.requests.map(({ requestId }) => requestId))
    // Where all that is mine stands above, what is left of the page is for the others.
    const others = showsAll
      ? all.requests
      : isFirst && mine.next === undefined
        ? all.requests.filter(({ requestId }) => !own.has(requestId)).slice(0, ROWS - own.size)
        : []
    const nowMs = parts.now()
    const next = showsAll ? all.next : mine.next
    const body = html`<div class="head"><h1>Inbox</h1>
<p class="tally"><a href="${listAddress('/', query, { show: '' })}"${showsAll ? NOTHING : CURRENT}>For you <b data-count="mine">${mine.total}</b></a>
<a href="${listAddress('/', query, { show: 'all' })}"${showsAll ? CURRENT : NOTHING}>All waiting <b data-count="all">${all.total}</b></a></p></div>
${alarmsPart(parts.hub.alarms(), nowMs)}
${filterForm('/', query, showsAll ? html`<input type="hidden" name="show" value="all">` : NOTHING)}
${showsAll ? NOTHING : section('mine', 'For you', mine.requests, EMPTY_MINE, nowMs)}
${showsAll || (isFirst && mine.next === undefined) ? section('others', showsAll ? 'All that waits' : 'Waiting for others', others, showsAll ? EMPTY_ALL : EMPTY_OTHERS, nowMs) : NOTHING}
<p class="pages">${isFirst ? NOTHING : html`<a href="${listAddress('/', query)}">First page</a> `}${next === undefined ? NOTHING : html`<a rel="next" href="${listAddress('/', query, { cursor: next })}">Next page</a>`}${!showsAll && own.size + others.length < all.total && mine.next === undefined ? html` <a href="${listAddress('/', query, { show: 'all' })}">Show all that waits</a>` : NOTHING}</p>`
    const title = mine.total > 0 ? `(${mine.total}) Inbox` : 'Inbox'
    // Only the first page has a place for what is new.
    const live = isFirst ? { live: listAddress('/events', query, { since }) } : {}
    return page(c, parts, { title, place: '/', ...live }, body)
  })
}

const CURRENT = html` aria-current="true"`

/** The empty text is there from the start: a script shows and hides it as rows come and go. */
const section = (
  id: string,
  title: string,
  requests: readonly RequestSummary[],
  empty: Html,
  nowMs: number,
): Html => html`<section class="list" aria-labelledby="${id}">
<h2 id="${id}">${title}</h2>
${requestTable({ id, last: 'Time left', isLive: true }, requests, nowMs)}
<div class="empty"${flag('hidden', requests.length > 0)}>${empty}</div>
</section>`

const EMPTY_MINE = html`<p><strong>Nothing waits for you.</strong> When an agent attempts something that policy holds and you may release, it appears here by itself.</p>`
const EMPTY_OTHERS = html`<p>Nothing waits for anybody else.</p>`
const EMPTY_ALL = html`<p><strong>Nothing waits.</strong> Take a filter away, look into the <a href="/history">history</a>, or see under <a href="/agents">agents</a> who is connected.</p>`
