import { createHash, timingSafeEqual } from 'node:crypto'
import type { Context, MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { HoldpointError } from '#contract'
import type { Session } from '#identity'

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/**
 * On this machine, a page of elsewhere can have its own name lead here (DNS rebinding), and would then be of the same
 * origin. So only our own name is answered. Behind a proxy, names are the proxy's business.
 */
export const ownNameOnly =
  (publicUrl: () => string): MiddlewareHandler =>
  async (c, next) => {
    const ours = new URL(publicUrl())
    const asked = new URL(c.req.url)
    if (!LOOPBACK.test(ours.hostname) || asked.host === ours.host) return next()
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD'
    // A cookie is kept for one name, so that whoever types another one for this machine is led to the right one.
    if (isRead && LOOPBACK.test(asked.hostname) && asked.port === ours.port)
      return c.redirect(`${ours.origin}${asked.pathname}${asked.search}`, 307)
    throw new HoldpointError('CROSS_SITE', `this console answers at ${ours.origin} alone`)
  }

/** A post of another site's page carries our cookie under some circumstances; its Origin it cannot choose. */
export const ownFormsOnly =
  (publicUrl: () => string): MiddlewareHandler =>
  async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next()
    const site = c.req.header('sec-fetch-site')
    const isOurs = c.req.header('origin') === new URL(publicUrl()).origin
    if (isOurs && (site === undefined || site === 'same-origin')) return next()
    throw new HoldpointError('CROSS_SITE')
  }

const MOST_BYTES = 64 * 1024

/** Before anything is read, and before it is known who posts: whoever is not signed in sends forms as well. */
export const smallForms: MiddlewareHandler = bodyLimit({
  maxSize: MOST_BYTES,
  onError: () => {
    throw new HoldpointError('PAYLOAD_TOO_LARGE', `the form has more than ${MOST_BYTES} bytes`)
  },
})

/** Beside the Origin: a token that only a page of this very session holds. Throws CROSS_SITE. */
export function checkCsrf(session: Session, given: string | undefined): void {
  if (given !== undefined && timingSafeEqual(digest(given), digest(session.csrf))) return
  throw new HoldpointError('CROSS_SITE', 'the form is not of this session: open the page again and repeat it')
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** Fields of a posted form, files left out, each once. Throws INVALID_INPUT. */
export async function readForm(c: Context): Promise<Record<string, string>> {
  const body = await c.req.parseBody().catch((cause: unknown) => {
    throw new HoldpointError('INVALID_INPUT', 'the form could not be read', { cause })
  })
  return Object.fromEntries(
    Object.entries(body).filter((field): field is [string, string] => typeof field[1] === 'string'),
  )
}
