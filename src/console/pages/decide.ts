import { type Principal, type ShowReply, samePrincipal, visibleLine } from '#contract'
import type { Session } from '#identity'
import { type Html, html, NOTHING } from '../html/html.ts'
import { requestAddress } from './request-row.ts'
import { WHAT_NEXT } from './what-next.ts'

export interface Decidable {
  shown: ShowReply
  session: Session
  /** Which of the two pages it is: that of the card, or that with everything. */
  view: View
  isWhole: boolean
  rendition: string
  /** What somebody had typed before it was refused. */
  reason?: string
}
export type View = 'card' | 'full'

/** Who may decide, whether that is whoever looks, and the form. */
export function decidePart(decidable: Decidable): Html {
  const { shown, session, reason } = decidable
  const { approvals } = shown.card
  if (shown.summary.state !== 'pending')
    return html`<h2 id="decide-title">Decided</h2><p class="hint">There is nothing left to decide; the timeline says who did, and when.</p>
${reason === undefined || reason === '' ? NOTHING : html`<label for="reason">What you had written</label><textarea id="reason" rows="3" readonly>${reason}</textarea>`}
${mayCancel(shown, session.person) ? cancellation(shown, session) : NOTHING}`
  return html`<h2 id="decide-title">Decide</h2>
<p class="who-may">${approvals.threshold === 1 ? 'One person' : `${approvals.threshold} different people`} out of ${approvals.from.map((group, at) => html`${at > 0 ? ', ' : ''}<b>${visibleLine(group)}</b>`)}, signed in at least by <b>${approvals.assurance}</b>.</p>
${shown.mayReview.ok ? reviewForm(decidable) : refusal(shown.mayReview)}
${mayCancel(shown, session.person) ? cancellation(shown, session) : NOTHING}`
}

function reviewForm({ shown, session, view, isWhole, rendition, reason = '' }: Decidable): Html {
  const address = requestAddress(shown.summary.requestId)
  const mayApprove = isWhole || view === 'full'
  return html`<form class="review" method="post" action="${address}/review" aria-labelledby="decide-title">
${hidden({ csrf: session.csrf, renderHash: shown.renderHash, rendition, view })}
<label for="reason">Reason</label>
<textarea id="reason" name="reason" rows="3" maxlength="4000" aria-describedby="reason-hint">${reason}</textarea>
<p id="reason-hint" class="hint">With a denial it goes back to the agent, so that it can do better. The ledger keeps its digest.</p>
${mayApprove ? NOTHING : html`<p class="caution">Not all of it fits onto this page. <a href="${address}/full">Open everything to approve</a>.</p>`}
<p class="verdicts">${mayApprove ? html`<button class="go" name="verdict" value="approve" id="approve">Approve</button>` : NOTHING}
<button class="stop" name="verdict" value="deny" id="deny">Deny</button></p>
</form>`
}

const refusal = ({ code, reason }: { code: keyof typeof WHAT_NEXT; reason: string }): Html =>
  html`<div class="may-not" role="note"><p><strong>You cannot decide this.</strong> ${visibleLine(reason)}</p>
<p class="hint">${WHAT_NEXT[code]}</p><p class="code">${code}</p></div>`

const cancellation = ({ summary }: ShowReply, { csrf }: Session): Html =>
  html`<form class="cancel" method="post" action="${requestAddress(summary.requestId)}/cancel">
${hidden({ csrf })}
<h3>Your own work</h3>
<p class="hint">${summary.state === 'pending' ? 'You may take the request back; it is then neither approved nor denied.' : 'You may take the approval back, as long as it has not been used.'}</p>
<button class="quiet">Cancel this request</button>
</form>`

const mayCancel = ({ summary, card }: ShowReply, person: Principal): boolean =>
  (summary.state === 'pending' || summary.state === 'approved') &&
  [card.owner, ...card.onBehalfOf].some((party) => samePrincipal(party, person))

export const hidden = (fields: Readonly<Record<string, string>>): Html =>
  html`${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`
