import type { Hono } from 'hono'
import { type AgentSummary, VERIFICATIONS, type Verification } from '#contract'
import { type WhoActedRow, whoActed } from '#store'
import type { Env, Parts } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { actedTable } from './acted-row.ts'
import type { Reader } from './answer.ts'
import { FINDINGS } from './findings.ts'
import type { Box, Choice } from './form.ts'
import { type Investigation, investigationRoute } from './investigation.ts'
import { olderLinks, spanOfTime } from './list-parts.ts'
import { pageOf, type RowPage } from './paging.ts'
import { type ActedQuestion, actedShape, addressOf, type Fields, UNJUDGED } from './question.ts'
import type { TimeRange } from './range.ts'

const PATH = '/actions'
const ROWS = 50

/** Who acted next to who authorized it, by the query that the dashboards have. */
export const actedRoutes = (app: Hono<Env>, parts: Parts): void => investigationRoute(app, parts, ACTED)

const ACTED: Investigation<ActedQuestion, RowPage<WhoActedRow>> = {
  path: PATH,
  title: 'Who acted',
  shape: actedShape,
  controls,
  aside: (
    fields,
  ) => html`<p class="tally"><a href="${addressOf(PATH, fields, { show: '' })}"${fields.show === undefined ? CURRENT : NOTHING}>Under control</a>
<a href="${addressOf(PATH, fields, { show: 'all' })}"${fields.show === undefined ? NOTHING : CURRENT}>All, also what policy allows</a></p>`,
  ask,
  isEmpty: ({ rows }) => rows.length === 0,
  list,
}
const CURRENT = html` aria-current="true"`

function ask(
  store: Reader,
  asked: ActedQuestion,
  { fromMs, toMs }: TimeRange,
): Promise<RowPage<WhoActedRow>> {
  const { text, agent, environment, ruling, after } = asked
  const filter = {
    fromMs,
    verifications: verificationsOf(asked),
    ...(text === undefined ? {} : { text }),
    ...(agent === undefined ? {} : { agents: [agent] }),
    ...(environment === undefined ? {} : { environments: [environment] }),
    ...(ruling === undefined ? {} : { rulings: [ruling] }),
  }
  return pageOf((to, most) => whoActed(store, { ...filter, toMs: to, most }), { size: ROWS, toMs, after })
}

/** What policy allows by itself is nearly everything that agents do: it is there for whoever asks for it. */
function verificationsOf({ verification, ruling, show }: ActedQuestion): readonly (Verification | '')[] {
  if (verification !== undefined) return [verification === UNJUDGED ? '' : verification]
  if (show === 'all' || ruling === 'allow') return []
  return ['', ...VERIFICATIONS.filter((one) => one !== 'not_required')]
}

function list(page: RowPage<WhoActedRow>, fields: Fields, range: TimeRange): Html {
  const { rows } = page
  return html`<section class="list" aria-labelledby="acted">
<h2 id="acted" class="unseen">Actions, newest first</h2>
${spanOfTime(range)}
${rows.length === 0 ? EMPTY : actedTable(rows, (change) => addressOf(PATH, fields, change))}
${olderLinks(PATH, fields, range, page)}</section>`
}

function controls(agents: readonly AgentSummary[]): (Box | Choice)[] {
  const known = [...new Set(agents.map(({ name }) => name))]
  const environments = [...new Set(agents.map(({ environment }) => environment))]
  return [
    { name: 'text', label: 'Action, target, person, rule or id' },
    { name: 'agent', label: 'Agent', known },
    { name: 'environment', label: 'Environment', known: environments },
    {
      name: 'ruling',
      label: 'Ruling',
      options: ['allow', 'hold', 'deny'].map((one) => [one, one] as const),
    },
    {
      name: 'verification',
      label: 'Verification',
      options: [
        ...VERIFICATIONS.map((one) => [one, FINDINGS[one].word] as const),
        [UNJUDGED, 'not judged yet'] as const,
      ],
    },
  ]
}

const EMPTY = html`<div class="empty"><p><strong>No action</strong> in this time matches. Take a filter away, ask for a longer time, or look at all, also at what policy allows.</p></div>`
