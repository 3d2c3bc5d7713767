import { type EscalationStatus, type RequestSummary, samePrincipal, statusModel } from '#contract'
import type { Person } from '#identity'
import { type Html, html, NOTHING } from '../html/html.ts'
import { plural, STATES, timeLeft, timeUntil } from '../html/words.ts'

/** What has become of a request. It stands outside the card, and outside of what a review vouches for. */
export function statusPart(summary: RequestSummary, person: Person, nowMs: number): Html {
  const { isPending, text, reviews, missing, missingOf, denials, escalation } = statusModel(summary, nowMs)
  const { sign, tone } = STATES[summary.state]
  const own = summary.reviews.find((review) => samePrincipal(review, person))
  return html`<div class="status ${tone}">
<p class="state"><span class="badge"><span aria-hidden="true">${sign}</span> ${text}</span></p>
${isPending ? html`<p class="left">${timeLeft(summary.expiresAtMs, nowMs)} · ${plural(missing, 'more approval')} needed${missingOf === undefined ? NOTHING : html`<span class="missing">: ${missingOf}</span>`}</p>` : NOTHING}
${denials === undefined ? NOTHING : html`<p>${denials}</p>`}
${escalation.length === 0 ? NOTHING : html`<ul class="escalation">${escalation.map((step) => escalationStep(step, nowMs))}</ul>`}
${own === undefined ? NOTHING : html`<p class="own">You ${own.verdict === 'approve' ? 'approved' : 'denied'} it.</p>`}
${reviews.length === 0 ? NOTHING : html`<ul class="reviews">${reviews.map((line) => html`<li>${line}</li>`)}</ul>`}
</div>`
}

const escalationStep = ({ to, isReached, atMs }: EscalationStatus, nowMs: number): Html =>
  isReached
    ? html`<li class="reached"><span aria-hidden="true">✓</span> <b>${to}</b> may answer as well</li>`
    : html`<li><b>${to}</b> may answer as well ${timeUntil(atMs, nowMs)}</li>`
