import type { Context, Hono } from 'hono'
import { HoldpointError } from '#contract'
import { localPath } from '#identity'
import { type Env, type Parts, page } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { checkCsrf, readForm } from '../http/same-site.ts'
import type { Streams } from '../live/streams.ts'

/** Signing in and out. What begins at `/sign-in/start` ends at `/sign-in/callback` in the same browser, or not at all. */
export function signInRoutes(app: Hono<Env>, parts: Parts): void {
  const { signIn, sessions, cookies } = parts
  const browserOf = (c: Context): string => c.req.header('user-agent') ?? ''

  app.get('/sign-in', async (c) => {
    const returnTo = localPath(c.req.query('return') ?? '/')
    const id = cookies.session.read(c)
    if (id !== undefined && (await sessions.find(id, browserOf(c)))) return c.redirect(returnTo, 303)
    return page(c, parts, { title: 'Sign in' }, choice(parts, returnTo))
  })

  app.get('/sign-in/start', async (c) => {
    const issuer = c.req.query('issuer')
    const { url, sealed } = await signIn.begin({
      returnTo: localPath(c.req.query('return') ?? '/'),
      ...(issuer === undefined ? {} : { issuer }),
    })
    cookies.pending.write(c, sealed)
    return c.redirect(url, 303)
  })

  app.get('/sign-in/callback', async (c) => {
    const sealed = cookies.pending.read(c)
    if (sealed === undefined)
      throw new HoldpointError(
        'UNAUTHENTICATED',
        'this sign-in was not begun in this browser, or has expired',
      )
    cookies.pending.clear(c)
    const { person, tokens, returnTo } = await signIn.finish(new URL(c.req.url), sealed)
    const old = cookies.session.read(c)
    if (old !== undefined) sessions.close(old)
    cookies.session.write(c, sessions.open({ person, tokens }, browserOf(c)))
    return c.redirect(localPath(returnTo), 303)
  })
}

/** Behind the gate: who is signed out was signed in. */
export function signOutRoutes(
  app: Hono<Env>,
  { sessions, cookies }: Parts,
  streams: Pick<Streams, 'endAll'>,
): void {
  app.post('/sign-out', async (c) => {
    checkCsrf(c.get('session'), (await readForm(c)).csrf)
    sessions.close(c.get('sessionId'))
    streams.endAll(c.get('sessionId'))
    cookies.session.clear(c)
    return c.redirect('/sign-in', 303)
  })
}

const choice = ({ signIn, isDevelopment }: Parts, returnTo: string): Html => html`<div class="sign-in">
<h1>Sign in</h1>
<p>Holdpoint shows what agents are about to do, and lets you release it or refuse it. Who you are is for your identity provider to say.</p>
<ul class="issuers">${signIn.issuers().map(({ issuer, label }) => html`<li><a class="button" href="/sign-in/start?issuer=${encodeURIComponent(issuer)}&amp;return=${encodeURIComponent(returnTo)}"><b>Sign in</b> <span>${label}</span></a></li>`)}</ul>
${isDevelopment ? html`<p class="hint">The development sign-in knows a few made-up people. Their passphrase was printed when this was started.</p>` : NOTHING}
</div>`
