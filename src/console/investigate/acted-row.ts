import { isAlarming, type Verification, visibleLine } from '#contract'
import type { WhoActedRow } from '#store'
import { type Html, html, NOTHING } from '../html/html.ts'
import { riskBadge, short } from '../html/words.ts'
import { authorized } from './authorized.ts'
import {
  agentName,
  investigationTable,
  outcomeBadge,
  reasonText,
  records,
  rulingBadge,
  waitCell,
  when,
} from './cells.ts'
import { findingBadge } from './findings.ts'

/** The same page, narrowed down to one agent, to what somebody released, or to whatever has this text somewhere. */
export type Narrow = (change: { agent: string } | { approver: string } | { text: string }) => string

/** Who acted next to who authorized it. Of every text an agent may be the author; verdicts are the ledger's. */
export const actedTable = (rows: readonly WhoActedRow[], narrow: Narrow): Html =>
  investigationTable(
    'acted',
    HEADS,
    rows.map((row) => actedRow(row, narrow)),
  )

const HEADS = {
  when: 'When (UTC)',
  whose: 'Who acted',
  what: 'Action',
  ruled: 'Ruling',
  authorized: 'Authorized by',
  wait: 'Wait',
  became: 'Outcome',
  verified: 'Verification',
  record: 'Record',
}

const actedRow = (
  row: WhoActedRow,
  narrow: Narrow,
): Html => html`<tr role="row" data-row="${visibleLine(row.span_id)}" class="${isAlarming(row.verification as Verification) ? 'alarming' : 'calm'}">
<td role="cell" class="when">${when(row.at)}</td>
<td role="cell" class="whose" data-head="Who acted">${agentName(row.agent, narrow({ agent: row.agent }))}${row.user === '' ? NOTHING : html`<span class="sub">for ${short(subjectOf(row.user))}</span>`}<span class="sub">${short(row.environment)}</span></td>
<td role="cell" class="what"><b>${short(row.action)}</b>${row.target === '' ? NOTHING : html` <span class="target">on ${short(row.target)}</span>`}</td>
<td role="cell" class="ruled" data-head="Ruling">${rulingBadge(row.ruling)}<span class="sub">${short(row.rule)}</span>${row.risk === '' ? NOTHING : html`<span class="sub">${riskBadge(row.risk)}</span>`}</td>
<td role="cell" class="authorized" data-head="Authorized by">${authorized(row, narrow)}</td>
<td role="cell" class="wait" data-head="Wait">${waitCell(row.wait_ms, row.decision === 'approved')}</td>
<td role="cell" class="became" data-head="Outcome">${outcomeBadge(row.outcome)}</td>
<td role="cell" class="verified" data-head="Verification">${findingBadge(row.verification)}${SELF_EVIDENT.has(row.verification) ? NOTHING : reasonText(row.detail, 200)}</td>
<td role="cell" class="record">${records(row, row.action)}</td>
</tr>
`

/** The columns beside them say all that the reason does. */
const SELF_EVIDENT: ReadonlySet<string> = new Set(['verified', 'not_required'])

/** Of `issuer#subject`; the whole of it stands on the card. */
const subjectOf = (principal: string): string => principal.slice(principal.lastIndexOf('#') + 1)
