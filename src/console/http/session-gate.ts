import type { Context, MiddlewareHandler } from 'hono'
import { HoldpointError } from '#contract'
import type { Env, Parts } from '../context.ts'
import { html } from '../html/html.ts'
import { errorPage } from '../pages/error.ts'
import { readForm } from './same-site.ts'

/** Only people who are signed in come past here. */
export const signedInOnly =
  (parts: Parts): MiddlewareHandler<Env> =>
  async (c, next) => {
    const id = parts.cookies.session.read(c)
    // An open page comes here by itself each time that its stream is cut.
    const isListening = c.req.path === '/events'
    const { find, peek } = parts.sessions
    const session = id && (await (isListening ? peek : find)(id, c.req.header('user-agent') ?? ''))
    if (id && session) {
      c.set('session', session)
      c.set('sessionId', id)
      return next()
    }
    if (id) parts.cookies.session.clear(c)
    if (isListening) return c.text('UNAUTHENTICATED', 401)
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
    return isRead ? c.redirect(signInAddress(pathOf(c)), 303) : keepWords(c, parts)
  }

/** A session ends while somebody writes why. What they wrote must not be lost with it. */
async function keepWords(c: Context<Env>, parts: Parts): Promise<Response> {
  const { reason = '' } = await readForm(c).catch((): Record<string, string> => ({}))
  const place =
    /^(\/requests\/[^/]+)\/(?:review|cancel|revoke|erase)$|^(\/agents)\/|^\/(?:freeze|thaw)$/.exec(c.req.path)
  const request = place === null ? '/' : (place[1] ?? '/agents')
  const words = html`<label for="kept">Your reason, to copy</label>
<textarea id="kept" rows="5" readonly>${reason}</textarea>`
  return errorPage(
    c,
    parts,
    new HoldpointError('UNAUTHENTICATED', 'you are not signed in any more; nothing was decided'),
    html`${reason === '' ? '' : words}<p><a class="button" href="${signInAddress(request)}">Sign in and open it again</a></p>`,
  )
}

const pathOf = (c: Context): string => {
  const { pathname, search } = new URL(c.req.url)
  return pathname + search
}
const signInAddress = (returnTo: string): string =>
  returnTo === '/' ? '/sign-in' : `/sign-in?return=${encodeURIComponent(returnTo)}`
