import type { Context, Hono } from 'hono'
import {
  actionTitle,
  type CardModel,
  cardModel,
  digestBytes,
  type RequestSummary,
  type ShowReply,
  visibleLine,
  WHOLE_CARD,
} from '#contract'
import { type Env, type Parts, shellOf } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { layout, PAGE_END, pageStart } from '../html/layout.ts'
import { riskBadge, short } from '../html/words.ts'
import { tracePart } from '../trace/trace-part.ts'
import { cardPart } from './card.ts'
import { decidePart, type View } from './decide.ts'
import { erasedPage, showOrErased } from './erase.ts'
import { requestAddress } from './request-row.ts'
import { statusPart } from './status.ts'
import { timelinePart } from './timeline.ts'

/** One request: its card, what has become of it, the form, and its trace. `/full` leaves nothing out of the card. */
export function requestRoutes(app: Hono<Env>, parts: Parts): void {
  app.get('/requests/:id', async (c) => {
    const since = parts.hub.position()
    const shown = await showOrErased(parts, c.get('session').token, c.req.param('id'))
    return 'erased' in shown ? erasedPage(c, parts, shown.erased) : requestPage(c, parts, shown, { since })
  })
  app.get('/requests/:id/full', async (c) => {
    const since = parts.hub.position()
    const shown = await showOrErased(parts, c.get('session').token, c.req.param('id'))
    if ('erased' in shown) return erasedPage(c, parts, shown.erased)
    const { frame, start } = requestBody(c, parts, shown, 'full', { since })
    return c.html(String(layout(await shellOf(c, parts, frame), html`${start}</div>`)))
  })
}

interface Body {
  frame: { title: string; place: '/'; live: string }
  /** Up to the trace, which is waited for. */
  start: Html
}

/** What is known beside the request; what came of a form that was refused, for the page that is shown again. */
export interface Again {
  /** Where the hub stood before the request was read. */
  since?: string
  notice?: Html
  reason?: string
  status?: number
}

/** The page of a request, as far as it is known at once; its trace follows. */
export function requestPage(
  c: Context<Env>,
  parts: Parts,
  shown: ShowReply,
  again: Again = {},
): Promise<Response> {
  const body = requestBody(c, parts, shown, 'card', again)
  return sendInParts(c, parts, body, tracePart(parts, shown), again.status ?? 200)
}

function requestBody(
  c: Context<Env>,
  parts: Parts,
  shown: ShowReply,
  view: View,
  { notice = NOTHING, reason, since = parts.hub.position() }: Again,
): Body {
  const session = c.get('session')
  const { summary } = shown
  const { model, card, rendition } = renditionOf(shown, view)
  const address = requestAddress(summary.requestId)
  const decidable = {
    shown,
    session,
    view,
    isWhole: model.isWhole,
    rendition,
    ...(reason === undefined ? {} : { reason }),
  }
  return {
    frame: {
      title: actionTitle(summary),
      place: '/',
      live: `/events?${new URLSearchParams({ request: summary.requestId, since })}`,
    },
    start: html`${notice}<p class="crumbs"><a href="/">Inbox</a> <span aria-hidden="true">›</span> <code>${visibleLine(summary.requestId)}</code></p>
<h1 class="action">${model.title}</h1>
${gist(summary)}
<div class="request">
<div id="status" class="now">${statusPart(summary, session.person, parts.now())}</div>
${card}
<aside id="decide" class="decide" aria-labelledby="decide-title">${decidePart(decidable)}</aside>
<section id="timeline" class="past" aria-labelledby="timeline-title">${timelinePart(shown.timeline)}
<ul class="further"><li>${view === 'card' ? html`<a href="${address}/full">Show all of it on one page</a>` : html`<a href="${address}">Back to the card</a>`}</li>
<li><a href="/policy/explain?request=${encodeURIComponent(summary.requestId)}">Why policy holds it</a></li></ul></section>`,
  }
}

/** What people go by, in one line; all of it stands on the card again, which is what they decide on. */
const gist = ({ agent, environment, risk, rule }: RequestSummary): Html =>
  html`<ul class="gist" aria-label="In short"><li>${short(agent)}</li><li>${short(environment)}</li>${risk === undefined ? NOTHING : html`<li>${riskBadge(risk)}</li>`}<li>${short(rule)}</li></ul>`

/** The card's markup for one of the two pages, and the digest of it that a review carries. */
export function renditionOf(
  shown: ShowReply,
  view: View,
): { model: CardModel; card: Html; rendition: string } {
  const model = cardModel(shown.card, view === 'full' ? WHOLE_CARD : {})
  const card = cardPart(model)
  return { model, card, rendition: digestBytes(String(card)) }
}

/** People decide on what is there already, while the store is still asked for the trace. */
async function sendInParts(
  c: Context<Env>,
  parts: Parts,
  { frame, start }: Body,
  rest: Promise<Html>,
  status: number,
): Promise<Response> {
  const first = `${pageStart(await shellOf(c, parts, frame))}${start}`
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      const write = (text: string): void => controller.enqueue(encoder.encode(text))
      try {
        write(first)
        write(`${await rest}</div>${PAGE_END}`)
        controller.close()
      } catch (error) {
        parts.log.debug('a page was not read to its end', { error })
      }
    },
  })
  return c.body(body, status as 200, { 'content-type': 'text/html; charset=UTF-8' })
}

const encoder = new TextEncoder()
