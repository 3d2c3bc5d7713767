import { type Html, html, NOTHING } from '../html/html.ts'
import { time } from '../html/words.ts'
import type { RowPage } from './paging.ts'
import { addressOf, type Fields } from './question.ts'
import { momentText, type TimeRange } from './range.ts'

export const spanOfTime = ({ fromMs, toMs }: TimeRange): Html =>
  html`<p class="span-of-time">${time(fromMs)} to ${time(toMs)}</p>`

/** Both ends are named from here on, so that a time that ends now does not move while somebody turns pages. */
export function olderLinks(
  path: string,
  fields: Fields,
  { fromMs, toMs }: TimeRange,
  { after }: Pick<RowPage<unknown>, 'after'>,
): Html {
  const fixed = { range: '', from: momentText(fromMs), to: momentText(toMs) }
  return html`<p class="pages">${fields.after === undefined ? NOTHING : html`<a href="${addressOf(path, fields)}">Newest</a> `}${after === undefined ? NOTHING : html`<a rel="next" href="${addressOf(path, fields, { ...fixed, after })}">Older</a>`}</p>`
}
