import { visibleLine } from '#contract'
import { type Html, html, NOTHING } from '../html/html.ts'
import { short, type Tone } from '../html/words.ts'
import { requestAddress } from '../pages/request-row.ts'
import { elapsed } from '../pages/timeline.ts'
import { traceAddress } from '../trace/trace-part.ts'

/** What both tables show of an action. A sign and a word say whatever a colour says. */

/** Its heads give the columns their widths; in a narrow window each cell says its own. */
export const investigationTable = (
  name: 'acted' | 'violations',
  heads: Readonly<Record<string, string>>,
  rows: readonly Html[],
): Html => html`<table role="table" class="${name}" aria-labelledby="${name}">
<thead role="rowgroup"><tr role="row">${Object.entries(heads).map(([column, head]) => html`<th role="columnheader" scope="col" class="${column}">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">
${rows}</tbody>
</table>`

/** Date above time, since a table has more room below than beside. */
export function when(atMs: number): Html {
  const iso = new Date(atMs).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} <b>${iso.slice(11, 19)}</b></time>`
}

/** A span may name no agent, or any other one; then what else it says of itself is all there is. */
export const agentName = (agent: string, address: string): Html =>
  agent === ''
    ? html`<span class="muted">no agent named</span>`
    : html`<a href="${address}">${short(agent)}</a>`

interface Look {
  word: string
  sign: string
  tone: Tone
}
const badge = (looks: Readonly<Record<string, Look>>, value: string): Html => {
  // One of a newer version than this console is shown by its own name.
  const { word, sign, tone } = Object.hasOwn(looks, value)
    ? (looks[value] as Look)
    : { word: value === '' ? 'unknown' : short(value), sign: '?', tone: 'still' }
  return html`<span class="badge ${tone}"><span aria-hidden="true">${sign}</span> ${word}</span>`
}

export const rulingBadge = (ruling: string): Html =>
  badge(
    {
      allow: { word: 'allow', sign: '–', tone: 'still' },
      hold: { word: 'hold', sign: '◐', tone: 'hold' },
      deny: { word: 'deny', sign: '✕', tone: 'stop' },
    },
    ruling,
  )

export const outcomeBadge = (outcome: string): Html =>
  badge(
    {
      executed: { word: 'executed', sign: '▸', tone: 'still' },
      failed: { word: 'failed', sign: '!', tone: 'stop' },
      ambiguous: { word: 'ambiguous', sign: '?', tone: 'stop' },
      started: { word: 'started', sign: '▹', tone: 'hold' },
      not_run: { word: 'not run', sign: '⊘', tone: 'still' },
      pending: { word: 'waiting', sign: '◐', tone: 'hold' },
    },
    outcome,
  )

/** The beginning of it; the whole stands beside the span in its trace. */
export const reasonText = (detail: string, most: number): Html =>
  detail === ''
    ? NOTHING
    : html`<span class="sub">${visibleLine(detail.slice(0, most))}${detail.length > most ? '…' : ''}</span>`

/** Quicker than anybody reads a card; the dashboards and alerts draw the line at the same place. */
const INSTANT_MS = 3_000

export const waitCell = (waitMs: number | null, isApproved: boolean): Html => {
  if (waitMs === null) return html`<span class="muted">none</span>`
  const isInstant = isApproved && waitMs < INSTANT_MS
  return html`${elapsed(waitMs)}${isInstant ? html`<span class="sub"><span class="badge hold"><span aria-hidden="true">»</span> instant</span></span>` : NOTHING}`
}

/** Where the whole of it stands: the card, the trace, and the entries of the ledger that prove it. */
export function records(
  { request_id, trace_id }: { request_id: string; trace_id: string },
  of: string,
): Html {
  const trace = traceAddress(trace_id)
  const request = request_id === '' ? undefined : requestAddress(request_id)
  if (trace === undefined && request === undefined) return html`<span class="muted">none</span>`
  const link = (address: string | undefined, word: string): Html =>
    address === undefined
      ? NOTHING
      : html`<li><a href="${address}">${word}<span class="unseen"> of ${short(of)}</span></a></li>`
  return html`<ul class="records">${link(request, 'Request')}${link(trace, 'Trace')}${link(request && `${request}#timeline`, 'Ledger')}</ul>`
}
