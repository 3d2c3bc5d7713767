import { visibleLine } from '#contract'
import { type Html, html, NOTHING } from '../html/html.ts'
import { short, type Tone } from '../html/words.ts'
import { requestAddress } from '../pages/request-row.ts'
import { traceAddress } from '../trace/trace-part.ts'

/** What both tables show of an action. A sign and a word say whatever a colour says. */

/** Date above time, since a table has more room below than beside. */
export function when(atMs: number): Html {
  const iso = new Date(atMs).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} <b>${iso.slice(11, 19)}</b></time>`
}

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

const MOST_OF_A_REASON = 300

export const reasonText = (detail: string): Html =>
  detail === ''
    ? NOTHING
    : html`<span class="sub">${visibleLine(detail.slice(0, MOST_OF_A_REASON))}${detail.length > MOST_OF_A_REASON ? '…' : ''}</span>`

/** Where the whole of it stands: the card, the trace, and the entries of the ledger that prove it. */
export function records({ request_id, trace_id }: { request_id: string; trace_id: string }): Html {
  const trace = traceAddress(trace_id)
  const request = request_id === '' ? undefined : requestAddress(request_id)
  if (trace === undefined && request === undefined) return html`<span class="muted">none</span>`
  return html`<ul class="records">${request === undefined ? NOTHING : html`<li><a href="${request}">Request</a></li>`}${trace === undefined ? NOTHING : html`<li><a href="${trace}">Trace</a></li>`}${request === undefined ? NOTHING : html`<li><a href="${request}#timeline">Ledger entries</a></li>`}</ul>`
}
