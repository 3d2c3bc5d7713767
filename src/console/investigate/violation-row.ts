import { isAlarming, visibleLine } from '#contract'
import type { ViolationRow } from '#store'
import { type Html, html, NOTHING } from '../html/html.ts'
import { short } from '../html/words.ts'
import {
  agentName,
  investigationTable,
  outcomeBadge,
  reasonText,
  records,
  rulingBadge,
  when,
} from './cells.ts'
import { findingBadge } from './findings.ts'

/** Each with its reason and its trace. Names are the span's own words: nothing has to be true of who lied. */
export const violationTable = (rows: readonly ViolationRow[], ofAgent: (agent: string) => string): Html =>
  investigationTable(
    'violations',
    HEADS,
    rows.map((row) => violationRow(row, ofAgent)),
  )

const HEADS = {
  when: 'When (UTC)',
  what: 'What was found',
  whose: 'Who acted',
  'action-of': 'Action',
  ruled: 'Ruling',
  became: 'Outcome',
  record: 'Record',
}

const violationRow = (
  row: ViolationRow,
  ofAgent: (agent: string) => string,
): Html => html`<tr role="row" data-row="${visibleLine(row.span_id)}" class="${isAlarming(row.verification) ? 'alarming' : 'calm'}">
<td role="cell" class="when">${when(row.at)}</td>
<td role="cell" class="what">${findingBadge(row.verification)}${reasonText(row.detail, 600)}</td>
<td role="cell" class="whose" data-head="Who acted">${agentName(row.agent, ofAgent(row.agent))}${row.service_name === '' ? NOTHING : html`<span class="sub">${short(row.service_name)}</span>`}</td>
<td role="cell" class="action-of" data-head="Action"><b>${short(row.name)}</b>${row.target === '' ? NOTHING : html` <span class="target">on ${short(row.target)}</span>`}<span class="sub">${short(row.kind)}</span></td>
<td role="cell" class="ruled" data-head="Ruling">${rulingBadge(row.ruling)}<span class="sub">${short(row.rule)}</span></td>
<td role="cell" class="became" data-head="Outcome">${outcomeBadge(row.outcome)}</td>
<td role="cell" class="record">${records(row, row.name)}</td>
</tr>
`
