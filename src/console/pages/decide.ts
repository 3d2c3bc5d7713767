import { type Approvals, type Principal, type ShowReply, samePrincipal, visibleLine } from '#contract'
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
${shown.summary.state === 'approved' ? revocation(shown, session) : NOTHING}
${mayCancel(shown, session.person) ? cancellation(shown, session) : NOTHING}
${shown.summary.state === 'approved' ? NOTHING : erasure(shown)}`
  return html`<h2 id="decide-title">Decide</h2>
<p class="who-may">${whose(approvals)}, signed in at least by <b>${approvals.assurance}</b>.</p>
${shown.mayReview.ok ? reviewForm(decidable) : refusal(shown.mayReview)}
${mayCancel(shown, session.person) ? cancellation(shown, session) : NOTHING}`
}

/** Each part of a threshold, in its own words. */
function whose({ threshold, from, all }: Approvals): Html {
  if (all === undefined)
    return html`${threshold === 1 ? 'One person' : `${threshold} different people`} out of ${groups(from)}`
  return html`${threshold} different people: ${all.map((part, at) => html`${at > 0 ? ' and ' : ''}${part.threshold} out of ${groups(part.from)}`)}`
}

const groups = (names: readonly string[]): Html =>
  html`${names.map((name, at) => html`${at > 0 ? ', ' : ''}<b>${visibleLine(name)}</b>`)}`

function reviewForm({ shown, session, view, isWhole, rendition, reason = '' }: Decidable): Html {
  const address = requestAddress(shown.summary.requestId)
  const mayApprove = isWhole || view === 'full'
  return html`<form class="review" method="post" action="${address}/review" aria-labelledby="decide-title">
${hidden({ csrf: session.csrf, renderHash: shown.renderHash, rendition, view })}
<label for="reason">Reason</label>
<textarea id="reason" name="reason" rows="3" maxlength="4000" aria-describedby="reason-hint">${reason}</textarea>
<p id="reason-hint" class="hint">With a denial it goes back to the agent, so that it can do better. The ledger keeps its digest.</p>
${mayApprove ? NOTHING : html`<p class="caution">Not all of it stands on this page, or something is hidden that only looks like a secret. <a href="${address}/full">Open everything to approve</a>.</p>`}
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

/** Whoever could have reviewed it may; the broker says whether that is whoever presses. */
const revocation = ({ summary }: ShowReply, { csrf }: Session): Html =>
  html`<form class="cancel" method="post" action="${requestAddress(summary.requestId)}/revoke">
${hidden({ csrf })}
<h3>Second thoughts</h3>
<p class="hint">The approval has not been used yet. Whoever could have reviewed it may take it back.</p>
<button class="stop">Revoke the approval</button>
</form>`

const erasure = ({ summary }: ShowReply): Html =>
  html`<p class="cancel"><a href="${requestAddress(summary.requestId)}/erase">Erase what it was about …</a></p>`

const mayCancel = ({ summary, card }: ShowReply, person: Principal): boolean =>
  (summary.state === 'pending' || summary.state === 'approved') &&
  [card.owner, ...card.onBehalfOf].some((party) => samePrincipal(party, person))

export const hidden = (fields: Readonly<Record<string, string>>): Html =>
  html`${Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`
