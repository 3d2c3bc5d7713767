import type { Hono } from 'hono'
import { type LedgerReply, visible, visibleLine } from '#contract'
import { type Env, type Parts, page } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { plural, time } from '../html/words.ts'
import { requestAddress } from './request-row.ts'

/** How far the record goes, who vouches for it, and how not to take our word for it. */
export function ledgerRoutes(app: Hono<Env>, parts: Parts): void {
  app.get('/ledger', async (c) => {
    const { epoch, origin, size, checkpoint, entries } = await parts.desk.ledger(c.get('session').token)
    const body = html`<div class="head"><h1>Ledger</h1><p class="tally"><span><b>${size.toLocaleString('en-US')}</b> ${size === 1 ? 'entry' : 'entries'}</span></p></div>
<dl class="facts"><div><dt>Log</dt><dd><code>${visibleLine(origin)}</code></dd></div><div><dt>Epoch</dt><dd>${epoch}</dd></div>
<div><dt>Vouched for</dt><dd>${checkpoint === undefined ? 'no checkpoint yet' : html`${plural(checkpoint.size, 'entry', 'entries')}${checkpoint.size < size ? html` <span class="muted">${size - checkpoint.size} newer, in the next checkpoint</span>` : NOTHING}`}</dd></div>
${checkpoint === undefined ? NOTHING : html`<div><dt>Root</dt><dd><code>${visibleLine(checkpoint.root)}</code></dd></div>`}</dl>
${checkpoint === undefined ? NOTHING : html`<section aria-labelledby="note-title"><h2 id="note-title">Newest checkpoint</h2><pre tabindex="0" role="group" aria-labelledby="note-title">${visible(checkpoint.note)}</pre></section>`}
${VERIFY}
<section aria-labelledby="entries-title"><h2 id="entries-title">Newest entries</h2>${entryTable(entries)}</section>`
    return page(c, parts, { title: 'Ledger', place: '/ledger' }, body)
  })
}

const VERIFY = html`<section aria-labelledby="verify-title"><h2 id="verify-title">Do not take our word for it</h2>
<p>Each entry is a leaf of a Merkle tree (RFC 9162), and the checkpoint above is a C2SP signed note over the root of the tree. Anybody with the entries and the public key can compute the root again and check the signature, with tools of their own. The keys are at <a href="/.well-known/jwks.json">/.well-known/jwks.json</a>; that they are the right ones is shown by the signed key set, which leads back to the organisation key that your gates have pinned.</p></section>`

const HEADS = ['Entry', 'What', 'Request', 'When', 'Leaf']

const entryTable = (
  entries: LedgerReply['entries'],
): Html => html`<table role="table" class="entries" aria-labelledby="entries-title">
<thead role="rowgroup"><tr role="row">${HEADS.map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">${entries.map(
  ({
    index,
    type,
    atMs,
    requestId,
    leaf,
  }) => html`<tr role="row"><td role="cell" class="number">${index}</td><td role="cell">${visibleLine(type)}</td><td role="cell">${requestId === undefined ? NOTHING : html`<a href="${requestAddress(requestId)}"><code>${visibleLine(requestId)}</code></a>`}</td><td role="cell">${time(atMs)}</td><td role="cell"><code class="leaf">${visibleLine(leaf)}</code></td></tr>
`,
)}</tbody></table>`
