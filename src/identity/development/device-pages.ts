import { html } from 'hono/html'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { contentPolicy, type Html, page } from './page.ts'

/** `holdpoint login` gave a code; here it is typed in, or arrives filled in (RFC 8628, 3.3.1). */
export const showCodeForm = (context: KoaContextWithOIDC, error?: Error): Promise<void> =>
  show(
    context,
    'Enter the code',
    html`${error === undefined ? '' : html`<p class="wrong" role="alert">${describe(error)}</p>`}
<form method="post" action="/device">
${xsrf(context)}
<label for="user_code">The code that holdpoint login shows</label>
<input type="text" id="user_code" name="user_code" value="${typed(context)}" required autofocus autocomplete="off"
  autocapitalize="characters" spellcheck="false">
<button type="submit"><strong>Continue</strong></button>
</form>`,
  )

export const showConfirmation = (context: KoaContextWithOIDC, code: string): Promise<void> =>
  show(
    context,
    'Is this your code?',
    html`<p class="code">${code}</p>
<p>Go on only if your own terminal shows exactly this code: whoever runs that terminal is signed in as the person
you choose next.</p>
<form method="post" action="/device">
${xsrf(context)}
<input type="hidden" name="user_code" value="${code}">
<button type="submit" name="confirm" value="yes"><strong>Yes, that is my code</strong></button>
<button type="submit" name="abort" value="yes"><strong>No, refuse it</strong></button>
</form>`,
  )

export const showSuccess = (context: KoaContextWithOIDC): Promise<void> =>
  show(context, 'Signed in', html`<p>Go back to the terminal; this page may be closed.</p>`)

export const showError = (context: KoaContextWithOIDC, error: string, description = ''): Promise<void> =>
  show(
    context,
    'This sign-in cannot go on',
    html`<p class="wrong" role="alert">${error}: ${description}</p><p>Begin again where you came from.</p>`,
  )

async function show(context: KoaContextWithOIDC, title: string, body: Html): Promise<void> {
  context.set('content-security-policy', contentPolicy())
  context.type = 'html'
  context.body = String(await page(title, body))
}

const xsrf = ({ oidc }: KoaContextWithOIDC): Html =>
  html`<input type="hidden" name="xsrf" value="${(oidc.session?.state as { secret?: string } | undefined)?.secret ?? ''}">`

/** From the link with the code in it; the server hands it on as `filled`, so that no page has to post itself. */
function typed({ query }: KoaContextWithOIDC): string {
  const { filled } = query
  return typeof filled === 'string' ? filled.slice(0, 20) : ''
}

const describe = ({ name }: Error): string =>
  ({
    NotFoundError: 'There is no such code.',
    ExpiredError: 'That code has expired: run holdpoint login again.',
    AlreadyUsedError: 'That code has been used: run holdpoint login again.',
    AbortedError: 'Refused: nobody was signed in.',
    NoCodeError: 'No code was given.',
  })[name] ?? 'That did not work: run holdpoint login again.'
