import type { Hono } from 'hono'
import { visible } from '#contract'
import { type Env, type Parts, page } from '../context.ts'
import { html } from '../html/html.ts'
import { time } from '../html/words.ts'
import { actionForm } from './explain.ts'

/** The policy in force: the very text that was signed. */
export function policyRoutes(app: Hono<Env>, parts: Parts): void {
  app.get('/policy', async (c) => {
    const { version, hash, source, issuedAtMs, expiresAtMs } = await parts.desk.policy(c.get('session').token)
    const lines = source.replace(/\n$/, '').split('\n')
    const body = html`<div class="head"><h1>Policy</h1><p class="tally"><span>version <b>${version}</b></span></p></div>
<dl class="facts"><div><dt>Signed</dt><dd>${time(issuedAtMs)}</dd></div><div><dt>Valid until</dt><dd>${time(expiresAtMs)}</dd></div><div><dt>Hash</dt><dd><code>${hash}</code></dd></div></dl>
<section aria-labelledby="source-title"><h2 id="source-title">What is in force</h2>
<div class="source" tabindex="0" role="group" aria-labelledby="source-title"><ol>${lines.map(
      (line) => html`<li><code>${visible(line)}</code></li>
`,
    )}</ol></div></section>
<section aria-labelledby="explain-title"><h2 id="explain-title">What would it say?</h2>
${actionForm({})}</section>`
    return page(c, parts, { title: 'Policy', place: '/policy' }, body)
  })
}
