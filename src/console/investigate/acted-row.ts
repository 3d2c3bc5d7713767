import { isAlarming, type Verification } from '#contract'
import type { WhoActedRow } from '#store'
import { type Html, html, NOTHING } from '../html/html.ts'
import { riskBadge, short } from '../html/words.ts'
import { elapsed } from '../pages/timeline.ts'
import { authorized } from './authorized.ts'
import { outcomeBadge, reasonText, records, rulingBadge, when } from './cells.ts'
import { findingBadge } from './findings.ts'

/** The same page, narrowed down to one agent, or to whatever has this text somewhere. */
export type Narrow = (change: { agent: string } | { text: string }) => string

/** Who acted next to who authorized it. Of every text an agent may be the author; verdicts are the ledger's. */
export const actedTable = (
  rows: readonly WhoActedRow[],
  narrow: Narrow,
): Html => html`<table role="table" class="acted" aria-labelledby="acted">
<thead role="rowgroup"><tr role="row">${HEADS.map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">
${rows.map((row) => actedRow(row, narrow))}</tbody>
</table>`

const HEADS = [
  'When (UTC)',
  'Who acted',
  'Action',
  'Ruling',
  'Who authorized',
  'Wait',
  'Outcome',
  'Verification',
  'Record',
]

export const actedRow = (
  row: WhoActedRow,
  narrow: Narrow,
): Html => html`<tr role="row" data-row class="${isAlarming(row.verification as Verification) ? 'alarming' : 'calm'}">
<td role="cell" class="when">${when(row.at)}</td>
<td role="cell" class="whose" data-head="Who acted"><a href="${narrow({ agent: row.agent })}">${short(row.agent)}</a>${row.user === '' ? NOTHING : html`<span class="sub">for ${short(subjectOf(row.user))}</span>`}<span class="sub">${short(row.environment)}</span></td>
<td role="cell" class="what"><b>${short(row.action)}</b>${row.target === '' ? NOTHING : html` <span class="target">on ${short(row.target)}</span>`}</td>
<td role="cell" class="ruled" data-head="Ruling">${rulingBadge(row.ruling)}<span class="sub">${short(row.rule)}</span>${row.risk === '' ? NOTHING : html`<span class="sub">${riskBadge(row.risk)}</span>`}</td>
<td role="cell" class="authorized" data-head="Who authorized">${authorized(row, narrow)}</td>
<td role="cell" class="wait" data-head="Wait">${row.wait_ms === null ? html`<span class="muted">none</span>` : elapsed(row.wait_ms)}</td>
<td role="cell" class="became" data-head="Outcome">${outcomeBadge(row.outcome)}</td>
<td role="cell" class="verified" data-head="Verification">${findingBadge(row.verification)}${reasonText(row.detail)}</td>
<td role="cell" class="record">${records(row)}</td>
</tr>
`

/** Of `issuer#subject`; the whole of it stands on the card. */
const subjectOf = (principal: string): string => principal.slice(principal.lastIndexOf('#') + 1)
