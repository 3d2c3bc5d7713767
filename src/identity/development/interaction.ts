import type { HttpBindings } from '@hono/node-server'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { getCookie, setCookie } from 'hono/cookie'
import { html } from 'hono/html'
import type { Provider } from 'oidc-provider'
import type { Guard } from './guard.ts'
import { contentPolicy, type Html, page } from './page.ts'
import { PEOPLE } from './people.ts'

type Interaction = Awaited<ReturnType<Provider['interactionDetails']>>

const MARK = 'holdpoint_development'
const MARK_LIFE_S = 30 * 24 * 3_600

/** The page on which somebody says who they are, and its form. It lies between the provider's own two redirects. */
export function createInteraction(provider: Provider, guard: Guard, passphraseFile: string) {
  const app = new Hono<{ Bindings: HttpBindings }>()

  app.use('/interaction/:uid', bodyLimit({ maxSize: 4_096 }))
  app.get('/interaction/:uid', async (context) => {
    const interaction = await detailsOf(context.env)
    const isKnown = guard.isMarked(getCookie(context, MARK) ?? '')
    context.header('content-security-policy', contentPolicy(originAfter(interaction)))
    return context.html(page('Who are you?', form({ isKnown, passphraseFile })))
  })
  app.post('/interaction/:uid', async (context) => {
    // Another site's page could otherwise sign its visitor in as somebody (login CSRF), or guess through them.
    if (context.req.header('origin') !== new URL(context.req.url).origin)
      return refuse(403, 'The form was not sent from this page.')
    const interaction = await detailsOf(context.env)
    const sent = await context.req.parseBody()
    context.header('content-security-policy', contentPolicy(originAfter(interaction)))

    const isKnown = guard.isMarked(getCookie(context, MARK) ?? '')
    const guess = isKnown ? 'right' : guard.guess(String(sent.passphrase ?? ''))
    if (guess !== 'right')
      return context.html(
        page('Who are you?', form({ isKnown, passphraseFile, wrong: WRONG[guess] })),
        guess === 'wait' ? 429 : 403,
      )
    setCookie(context, MARK, guard.mark(), {
      httpOnly: true,
      sameSite: 'Lax',
      path: '/interaction',
      maxAge: MARK_LIFE_S,
    })
    // Enter in the passphrase field chooses nobody yet.
    if (!sent.person) return context.redirect(context.req.path, 303)
    const person = PEOPLE.find(({ sub }) => sub === sent.person)
    if (!person) return refuse(400, 'There is nobody by that name.')
    return context.redirect(await finish(interaction, person.sub), 303)
  })
  app.onError((error) => {
    if (error.name === 'SessionNotFound')
      return refuse(400, 'This sign-in has expired. Begin again where you came from.')
    throw error
  })
  return app

  function detailsOf({ incoming, outgoing }: HttpBindings): Promise<Interaction> {
    return provider.interactionDetails(incoming, outgoing)
  }

  /** Whoever was signed in here before is forgotten: the provider would ask to sign them out first. */
  async function finish(interaction: Interaction, sub: string): Promise<string> {
    if (interaction.session) {
      const before = await provider.Session.findByUid(interaction.session.uid)
      await before?.destroy()
      delete (interaction as { session?: unknown }).session
    }
    interaction.result = { login: { accountId: sub, amr: ['pwd'], remember: false } }
    await interaction.save(interaction.exp - Math.floor(Date.now() / 1000))
    return interaction.returnTo
  }
}

const WRONG = {
  wrong: 'That is not the passphrase.',
  wait: 'Too many wrong ones: wait half a minute.',
}

const form = (shown: { isKnown: boolean; passphraseFile: string; wrong?: string }): Html => html`
${shown.wrong === undefined ? '' : html`<p class="wrong" role="alert">${shown.wrong}</p>`}
<form method="post">
${
  shown.isKnown
    ? ''
    : html`<button type="submit" hidden>Continue</button>
<label for="passphrase">Passphrase</label>
<input type="password" id="passphrase" name="passphrase" required autofocus autocomplete="current-password"
  aria-describedby="where">
<p id="where">Printed at the start, and kept in <code>${shown.passphraseFile}</code>. This browser is asked once.</p>`
}
${PEOPLE.map(
  ({ sub, name, groups }) => html`<button type="submit" name="person" value="${sub}">
<strong>${name}</strong> ${sub}, in ${groups.join(', ')}
</button>`,
)}
</form>`

const refuse = (status: number, text: string): Response =>
  new Response(`${text}\n`, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })

/** Where the browser goes when this is over; an IPv6 address has no place in a content policy. */
function originAfter({ params }: Interaction): string {
  const { redirect_uri: redirect } = params
  if (typeof redirect !== 'string') return ''
  const { origin, hostname } = new URL(redirect)
  return hostname.startsWith('[') ? 'http:' : origin
}
