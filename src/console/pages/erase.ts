import type { Context, Hono } from 'hono'
import {
  actionTitle,
  HoldpointError,
  problemOf,
  type RequestSummary,
  type ShowReply,
  visibleLine,
} from '#contract'
import { type Env, type Parts, page } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { checkCsrf, readForm } from '../http/same-site.ts'
import { hidden } from './decide.ts'
import { problemNotice, problemText } from './error.ts'
import { requestAddress, requestTable } from './request-row.ts'

/** Erasing is asked twice, and cannot be undone; who may is for the broker to say. */
export function eraseRoutes(app: Hono<Env>, parts: Parts): void {
  app.get('/requests/:id/erase', async (c) => {
    const shown = await showOrErased(parts, c.get('session').token, c.req.param('id'))
    return 'erased' in shown ? erasedPage(c, parts, shown.erased) : confirmation(c, parts, shown)
  })
  app.post('/requests/:id/erase', async (c) => {
    const requestId = c.req.param('id')
    const { token } = c.get('session')
    checkCsrf(c.get('session'), (await readForm(c)).csrf)
    try {
      await parts.desk.erase({ requestId, channel: 'console', token })
    } catch (error) {
      const shown = await parts.desk.show(token, requestId).catch(() => undefined)
      if (shown === undefined) throw error
      return confirmation(c, parts, shown, error)
    }
    return c.redirect(requestAddress(requestId), 303)
  })
}

function confirmation(
  c: Context<Env>,
  parts: Parts,
  { summary }: ShowReply,
  error?: unknown,
): Promise<Response> {
  const address = requestAddress(summary.requestId)
  const title = `Erase ${actionTitle(summary)}?`
  const body = html`${error === undefined ? NOTHING : problemNotice(error)}<p class="crumbs"><a href="/history">History</a> <span aria-hidden="true">›</span> <a href="${address}"><code>${visibleLine(summary.requestId)}</code></a></p>
<div class="confirm"><h1>${title}</h1>
<p>Its arguments, its card and every reason become unreadable, for good: for you, for whoever runs Holdpoint, and for auditors. The ledger keeps names, times and who decided what, and still verifies.</p>
<form method="post" action="${address}/erase">${hidden({ csrf: c.get('session').csrf })}
<p class="verdicts"><button class="stop">Erase for good</button> <a class="button" href="${address}">Leave it</a></p></form></div>`
  const status = error === undefined ? 200 : problemOf(error).status
  return page(c, parts, { title, place: '/history', status }, body)
}

export interface Erased {
  error: HoldpointError
  /** What the ledger still says. */
  summary: RequestSummary | undefined
}

/** A request that was erased can be looked at no more; what the ledger has of it can. */
export async function showOrErased(
  { desk }: Parts,
  token: string,
  requestId: string,
): Promise<ShowReply | { erased: Erased }> {
  try {
    return await desk.show(token, requestId)
  } catch (error) {
    if (!(error instanceof HoldpointError) || error.code !== 'ERASED') throw error
    const { requests } = await desk.list(token, { text: requestId, state: 'all', limit: 200 })
    return { erased: { error, summary: requests.find((one) => one.requestId === requestId) } }
  }
}

export function erasedPage(c: Context<Env>, parts: Parts, { error, summary }: Erased): Promise<Response> {
  const { status, title } = problemOf(error)
  const body = html`<div class="problem"><h1>Erased</h1><p>${title}</p>${problemText(error)}</div>
${summary === undefined ? NOTHING : remains(summary, parts.now())}`
  return page(c, parts, { title: 'Erased', place: '/history', status }, body)
}

const remains = (summary: RequestSummary, nowMs: number): Html =>
  html`<section class="list" aria-labelledby="remains"><h2 id="remains">What the ledger still says</h2>${requestTable({ id: 'remains', last: 'Decided' }, [summary], nowMs)}</section>`
