import type { WhoActedRow } from '#store'
import { type Html, html, NOTHING } from '../html/html.ts'
import { short } from '../html/words.ts'

/** By whose word an action ran, or why by nobody's. `narrow` leads to what else somebody has decided. */
export function authorized(row: WhoActedRow, narrow: (change: { text: string }) => string): Html {
  const { approvers, assurance, channel } = row
  if (approvers === '') return html`<span class="nobody">${whyNobody(row)}</span>`
  const people = approvers
    .split(', ')
    .map((name, at) => html`${at > 0 ? ', ' : ''}<a href="${narrow({ text: name })}">${short(name)}</a>`)
  const how = [assurance, channel === '' ? '' : `by ${channel}`].filter((part) => part !== '').join(', ')
  return html`${isApproved(row) ? html`<b>${people}</b>` : html`answered by ${people}`}${how === '' ? NOTHING : html`<span class="sub">${short(how)}</span>`}`
}

/**
 * The names are those of who approved or of who refused, and only these rows leave no doubt which. Of the others the
 * request says it: nobody must pass for somebody who has released what they refused.
 */
export function isApproved({ approvers, outcome, verification }: WhoActedRow): boolean {
  if (approvers === '') return false
  if (['pending', 'started', 'ambiguous'].includes(outcome)) return true
  return outcome !== 'not_run' && ['', 'verified', 'replayed'].includes(verification)
}

function whyNobody({ ruling, verification, outcome }: WhoActedRow): string {
  if (verification === 'observed') return 'nobody: policy only observes here'
  if (ruling === 'allow') return 'policy alone'
  if (ruling === 'deny') return 'nobody: policy denies it'
  return outcome === 'pending' ? 'nobody yet' : 'nobody'
}
