import type { Context } from 'hono'
import { problemOf, visible } from '#contract'
import { type Env, type Parts, page } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { WHAT_NEXT } from './what-next.ts'

/** An error as a page: its stable code, what it means, and what to do. */
export function errorPage(
  c: Context<Env>,
  parts: Parts,
  error: unknown,
  more: Html = NOTHING,
): Promise<Response> {
  const { status, title } = problemOf(error)
  if (status >= 500) parts.log.error('a page failed', { path: c.req.path, error })
  return page(
    c,
    parts,
    { title, status },
    html`<div class="problem"><h1>${title}</h1>
${problemText(error)}
${more}
<p class="back"><a href="/">To the inbox</a></p></div>`,
  )
}

/** The same as a notice above a page on which somebody can go on. */
export const problemNotice = (error: unknown): Html =>
  html`<div class="notice" role="alert"><p><strong>${problemOf(error).title}</strong></p>
${problemText(error)}</div>`

export function problemText(error: unknown): Html {
  const { title, detail, code } = problemOf(error)
  return html`${detail === title ? NOTHING : html`<p class="detail">${visible(detail)}</p>`}
<p>${WHAT_NEXT[code]}</p>
<p class="code">${code}</p>`
}
