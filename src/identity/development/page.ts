import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'

export type Html = ReturnType<typeof html>

const STYLE = `
:root { color-scheme: light dark; font: 1.0625rem/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 30rem; padding: 0 1rem 3rem; }
.label { background: #7a2e00; color: #fff; margin: 0 -1rem 1.5rem; padding: .75rem 1rem; font-weight: 600;
  box-shadow: 0 0 0 100vmax #7a2e00; clip-path: inset(0 -100vmax); }
h1 { font-size: 1.5rem; line-height: 1.25; }
label { display: block; font-weight: 600; }
input[type=text], input[type=password] { box-sizing: border-box; width: 100%; margin: .25rem 0 1rem; padding: .7rem;
  font: inherit; border: 1px solid #767676; border-radius: .4rem; }
.code { font: 600 1.5rem/1.5 ui-monospace, monospace; letter-spacing: .1em; }
button { display: block; width: 100%; margin: 0 0 .75rem; padding: .8rem 1rem; font: inherit; text-align: start;
  color: inherit; background: transparent; border: 1px solid #767676; border-radius: .4rem; cursor: pointer; }
button:hover { background: #8882; }
button strong { display: block; }
:focus-visible { outline: 3px solid #1a73e8; outline-offset: 2px; }
.wrong { border-inline-start: .3rem solid #c5221f; padding-inline-start: .75rem; font-weight: 600; }
`

/** A page of the development sign-in: no script, nothing loaded, and the label that nobody can overlook. */
export const page = (title: string, body: Html): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – development sign-in</title>
<style>${raw(STYLE)}</style>
</head>
<body>
<header class="label">Development sign-in: made-up people, this machine only</header>
<main>
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** Browsers apply form-action to where a form's answer redirects to as well: `then` is that place's origin. */
export const contentPolicy = (then = ''): string =>
  `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self' ${then}; base-uri 'none'; frame-ancestors 'none'`
