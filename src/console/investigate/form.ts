import { flag, type Html, html, NOTHING } from '../html/html.ts'
import { addressOf, type Fields, typed } from './question.ts'
import { type Preset, presetLinks } from './range.ts'

export interface Choice {
  name: string
  label: string
  options: readonly (readonly [value: string, word: string])[]
}
export interface Box {
  name: string
  label: string
  /** What there is to choose from, as far as it is known; anything else may be typed. */
  known?: readonly string[]
}

export interface Controls {
  /** What the text that somebody searches for is looked for in. */
  search?: string
  boxes: readonly (Box | Choice)[]
}

/** Read with GET, since it changes nothing: the address of what somebody has found can be passed on. */
export function questionForm(
  path: string,
  fields: Fields,
  preset: Preset | undefined,
  { search, boxes }: Controls,
): Html {
  // Whoever turns pages has not chosen the time that stands in their addresses.
  const times = fields.after === undefined ? ['from', 'to'] : []
  const names = [...times, ...boxes.map(({ name }) => name)]
  const isNarrowed = names.some((name) => fields[name] !== undefined)
  return html`<search><form class="narrow" method="get" action="${path}">
${presetLinks((range) => addressOf(path, fields, { range, from: '', to: '' }), preset)}
<div class="filter">${search === undefined ? NOTHING : searchBox(search, fields)}
<details class="more"${flag('open', isNarrowed)}><summary>Filters</summary><div class="fields">
${momentBox('from', 'From (UTC)', fields)}${momentBox('to', 'To (UTC)', fields)}${boxes.map((one) => ('options' in one ? choice(one, fields) : box(one, fields)))}<button>Show</button>${isNarrowed ? html` <a class="clear" href="${path}">Clear</a>` : NOTHING}
</div></details></div>
${KEPT.map((name) => (typed(fields, name) === '' ? NOTHING : html`<input type="hidden" name="${name}" value="${typed(fields, name)}">`))}</form></search>`
}

/** What is not in the form, but links. */
const KEPT = ['range', 'show']

const searchBox = (label: string, fields: Fields): Html =>
  html`<label class="search"><span class="unseen">Search in ${label}</span><input type="search" name="text" value="${typed(fields, 'text')}" maxlength="500" placeholder="Search ${label}" id="search"></label>
<button>Search</button>`

// What cannot be a time stays in sight, so that it can be mended.
const momentBox = (name: string, label: string, fields: Fields): Html => {
  const value = typed(fields, name)
  const isTime = value === '' || /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/.test(value)
  return html`<label>${label}<input type="${isTime ? 'datetime-local' : 'text'}" name="${name}" value="${value}" step="any" autocomplete="off"></label>
`
}

const box = ({ name, label, known }: Box, fields: Fields): Html =>
  html`<label>${label}<input name="${name}" value="${typed(fields, name)}" maxlength="500" autocomplete="off"${known === undefined ? NOTHING : html` list="known-${name}"`}></label>
${
  known === undefined
    ? NOTHING
    : html`<datalist id="known-${name}">${[...new Set(known)].map((one) => html`<option value="${one}"></option>`)}</datalist>
`
}`

const choice = ({ name, label, options }: Choice, fields: Fields): Html =>
  html`<label>${label}<select name="${name}"><option value="">any</option>
${options.map(([value, word]) => html`<option value="${value}"${flag('selected', value === typed(fields, name))}>${word}</option>`)}
</select></label>
`
