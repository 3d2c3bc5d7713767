import { type RequestSummary, statusModel, visibleLine } from '#contract'
import { type Html, html, NOTHING } from '../html/html.ts'
import { plural, riskBadge, short, stateBadge, time, timeLeft } from '../html/words.ts'

export const requestAddress = (requestId: string): string =>
  `/requests/${encodeURIComponent(requestId.toWellFormed())}`

/** One request in a list. Roles are named, since a narrow window lays the table out as cards. */
export function requestRow(request: RequestSummary, nowMs: number): Html {
  const { requestId, state, kind, rule, risk, agent, environment, threshold, reviews, name, target } = request
  const approvals = reviews.filter(({ verdict }) => verdict === 'approve').length
  const isPending = state === 'pending'
  const joined = statusModel(request, nowMs)
    .escalation.filter(({ isReached }) => isReached)
    .map(({ to }) => to)
    .join(', ')
  return html`<tr role="row" data-request="${visibleLine(requestId)}" class="${isPending ? 'waits' : 'is-over'}">
<td role="cell" class="what"><a href="${requestAddress(requestId)}"><b>${short(name)}</b>${target === undefined ? NOTHING : html` <span class="target">on ${short(target)}</span>`}</a><span class="sub">${visibleLine(kind)}</span></td>
<td role="cell" class="whose">${short(agent)}<span class="sub">${short(environment)}</span></td>
<td role="cell" class="why">${riskBadge(risk)}<span class="sub">${short(rule)}</span></td>
<td role="cell" class="count">${isPending ? html`${approvals} of ${plural(threshold, 'approval')}${joined === '' ? NOTHING : html`<span class="sub">also ${joined}</span>`}` : stateBadge(state)}</td>
<td role="cell" class="when">${isPending ? timeLeft(request.expiresAtMs, nowMs) : time(request.decidedAtMs ?? request.expiresAtMs)}</td>
</tr>
`
}

/** A list of requests under its heading, which names it for those who cannot see that it stands there. */
export function requestTable(
  { id, last, isLive = false }: { id: string; last: string; isLive?: boolean },
  requests: readonly RequestSummary[],
  nowMs: number,
): Html {
  const heads = ['Action', 'Asked by', 'Risk and rule', last === 'Decided' ? 'State' : 'Approvals', last]
  return html`<table role="table" class="requests" aria-labelledby="${id}"${isLive ? html` data-rows="${id}"` : NOTHING}>
<thead role="rowgroup"><tr role="row">${heads.map((head) => html`<th role="columnheader" scope="col">${head}</th>`)}</tr></thead>
<tbody role="rowgroup">
${requests.map((request) => requestRow(request, nowMs))}</tbody>
</table>`
}
