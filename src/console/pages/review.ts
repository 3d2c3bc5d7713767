import type { Context, Hono } from 'hono'
import { digestShape, HoldpointError, literal, object, parse, problemOf, text } from '#contract'
import type { Env, Parts } from '../context.ts'
import { checkCsrf, readForm } from '../http/same-site.ts'
import { problemNotice } from './error.ts'
import { renditionOf, requestPage } from './request.ts'
import { requestAddress } from './request-row.ts'

const reviewForm = object({
  verdict: literal('approve', 'deny'),
  reason: text({ max: 4000 }),
  renderHash: digestShape,
  rendition: digestShape,
  view: literal('card', 'full'),
})

/** What changes a request. All lead back to the request's page, so that a reload repeats nothing. */
export function reviewRoutes(app: Hono<Env>, parts: Parts): void {
  for (const [name, act] of [
    ['review', review],
    ['cancel', cancel],
    ['revoke', revoke],
  ] as const)
    app.post(`/requests/:id/${name}`, async (c) => {
      const requestId = c.req.param('id')
      const { csrf, ...fields } = await readForm(c)
      checkCsrf(c.get('session'), csrf)
      try {
        await act(parts, c.get('session').token, requestId, fields)
      } catch (error) {
        return showAgain(c, parts, requestId, fields.reason, error)
      }
      return c.redirect(`${requestAddress(requestId)}#status`, 303)
    })
}

type Fields = Readonly<Record<string, string>>

async function review({ desk }: Parts, token: string, requestId: string, fields: Fields): Promise<void> {
  // Browsers send line feeds of a text area as two characters each.
  const typed = (fields.reason ?? '').replaceAll('\r\n', '\n').trim()
  const given = parse(reviewForm, { ...fields, reason: typed }, 'review')
  const { verdict, reason, renderHash, rendition, view } = given

  const { model, ...page } = renditionOf(await desk.show(token, requestId), view)
  if (page.rendition !== rendition)
    throw new HoldpointError('CARD_MISMATCH', 'what was reviewed is not how this console shows the card')
  if (verdict === 'approve' && !model.isWhole)
    throw new HoldpointError('CARD_MISMATCH', 'not all of it was shown: open everything before you approve')
  const said = reason === '' ? {} : { reason }
  await desk.review({ requestId, verdict, renderHash, rendition, channel: 'console', token, ...said })
}

async function cancel({ desk }: Parts, token: string, requestId: string): Promise<void> {
  await desk.cancel({ requestId, channel: 'console', token })
}

async function revoke({ desk }: Parts, token: string, requestId: string): Promise<void> {
  await desk.revoke({ requestId, channel: 'console', token })
}

/** The request as it is now, what went wrong above it, and what had been typed. */
async function showAgain(
  c: Context<Env>,
  parts: Parts,
  requestId: string,
  reason: string | undefined,
  error: unknown,
): Promise<Response> {
  const shown = await parts.desk.show(c.get('session').token, requestId).catch(() => undefined)
  if (shown === undefined) throw error
  const { status } = problemOf(error)
  if (status >= 500) parts.log.error('a change of a request failed', { requestId, error })
  const again = { notice: problemNotice(error), status, ...(reason === undefined ? {} : { reason }) }
  return requestPage(c, parts, shown, again)
}
