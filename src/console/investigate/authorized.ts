import { isAlarming, type Verification } from '#contract'
import type { WhoActedRow } from '#store'
import { type Html, html, NOTHING } from '../html/html.ts'
import { short } from '../html/words.ts'

/** What a name in a row leads to: whatever else that person has released, or has to do with. */
type NarrowToPerson = (change: { approver: string } | { text: string }) => string

/** By whose word an action ran, or why by nobody's. */
export function authorized(row: WhoActedRow, narrow: NarrowToPerson): Html {
  const { decision, approvers, refused_by, authorized_by, verification } = row
  if (decision === 'approved')
    return html`<b>${namesOf(approvers, (approver) => narrow({ approver }))}</b>${howOf(row)}`
  if (decision === 'denied')
    return html`denied by ${namesOf(refused_by, (text) => narrow({ text }))}${howOf(row)}`
  // Somebody may have to be called: what nobody released must not look like what nobody had to release.
  return isAlarming(verification as Verification)
    ? html`<span class="badge stop"><span aria-hidden="true">!</span> ${short(authorized_by)}</span>`
    : html`<span class="nobody">${short(authorized_by)}</span>`
}

const namesOf = (names: readonly string[], addressOf: (name: string) => string): Html[] =>
  names.map((name, at) => html`${at > 0 ? ', ' : ''}<a href="${addressOf(name)}">${short(name)}</a>`)

function howOf({ assurance, channel }: WhoActedRow): Html {
  const how = [assurance, channel === '' ? '' : `by ${channel}`].filter((part) => part !== '').join(', ')
  return how === '' ? NOTHING : html`<span class="sub">${short(how)}</span>`
}
