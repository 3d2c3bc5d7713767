import { filterMembers, object, pageMembers, parse, type RequestFilter } from '#contract'
import { flag, type Html, html, NOTHING } from '../html/html.ts'

const { state: _, reviewable: __, ...members } = filterMembers
const shape = object(members)
const pageShape = object({ cursor: pageMembers.cursor })

type Fields = Readonly<Record<string, string>>
const NAMES = ['text', 'agent', 'environment', 'kind', 'risk', 'rule'] as const

/** What a list is narrowed down to; empty fields of the form count for nothing. Throws INVALID_INPUT. */
export const readFilter = (query: Fields): RequestFilter =>
  parse(shape, filled(query, NAMES), 'filter') as RequestFilter

export const readCursor = (query: Fields): string | undefined =>
  parse(pageShape, filled(query, ['cursor']), 'page').cursor

const filled = (query: Fields, names: readonly string[]): Fields =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = query[name]?.trim()
      return value ? [[name, value]] : []
    }),
  )

/** The same list with something changed; always a path of our own. */
export function listAddress(path: string, query: Fields, change: Fields = {}): string {
  const kept = { ...filled(query, [...NAMES, 'show', 'state']), ...change }
  const text = new URLSearchParams(Object.entries(kept).filter(([, value]) => value !== '')).toString()
  return text === '' ? path : `${path}?${text}`
}

/** Search and filters, a form that is read with GET: an address of a list can be passed on. */
export function filterForm(path: string, query: Fields, more: Html = NOTHING): Html {
  const value = (name: string): string => query[name] ?? ''
  const isNarrowed = NAMES.some((name) => name !== 'text' && value(name).trim() !== '')
  const box = (name: string, label: string): Html =>
    html`<label>${label}<input name="${name}" value="${value(name)}" maxlength="500" autocomplete="off"></label>
`
  return html`<search><form class="filter" method="get" action="${path}">
<label class="search"><span class="unseen">Search in action, agent, rule and id</span><input type="search" name="text" value="${value('text')}" maxlength="500" placeholder="Search action, agent, rule, id" id="search"></label>
${more}<button>Search</button>
<details class="more"${flag('open', isNarrowed)}><summary>Filters</summary><div class="fields">
${box('agent', 'Agent')}${box('environment', 'Environment')}${box('kind', 'Kind')}${box('rule', 'Rule')}<label>Risk<select name="risk">
<option value="">any</option>
${['low', 'medium', 'high', 'critical'].map((risk) => html`<option${flag('selected', risk === value('risk'))}>${risk}</option>`)}
</select></label>
<button>Apply</button>${isNarrowed ? html` <a href="${path}">Clear</a>` : NOTHING}
</div></details>
</form></search>`
}
