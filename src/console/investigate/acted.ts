import type { Hono } from 'hono'
import { type AgentSummary, VERIFICATIONS, type Verification } from '#contract'
import { type WhoActedRow, whoActed } from '#store'
import type { Env, Parts } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import { actedTable } from './acted-row.ts'
import type { Reader } from './answer.ts'
import { FINDINGS, UNDER_CONTROL } from './findings.ts'
import type { Controls } from './form.ts'
import { type Investigation, investigationRoute } from './investigation.ts'
import { olderLinks, spanOfTime } from './list-parts.ts'
import { pageOf, type RowPage } from './paging.ts'
import {
  type ActedQuestion,
  actedShape,
  addressOf,
  DECISIONS,
  type Fields,
  RULINGS,
  UNJUDGED,
} from './question.ts'
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
  ) => html`<p class="tally"><a href="${addressOf(PATH, fields, { show: '' })}"${fields.show === undefined ? CURRENT : NOTHING}>Without what policy allows</a>
<a href="${addressOf(PATH, fields, { show: 'all' })}"${fields.show === undefined ? NOTHING : CURRENT}>Everything</a></p>`,
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
  const { agent, environment, kind, ruling, decision, user, action, target, approver, text, after } = asked
  const filter = {
    fromMs,
    toMs,
    verifications: verificationsOf(asked),
    agents: listOf(agent),
    environments: listOf(environment),
    kinds: listOf(kind),
    rulings: listOf(ruling),
    decisions: listOf(decision),
    user: user ?? '',
    action: action ?? '',
    target: target ?? '',
    approver: approver ?? '',
    text: text ?? '',
  }
  return pageOf((place) => whoActed(store, { ...filter, ...place }), { size: ROWS, after })
}

const listOf = <T>(one: T | undefined): T[] => (one === undefined ? [] : [one])

function verificationsOf({ verification, ruling, show }: ActedQuestion): readonly (Verification | '')[] {
  if (verification !== undefined) return [verification === UNJUDGED ? '' : verification]
  if (show === 'all' || ruling === 'allow') return []
  return UNDER_CONTROL
}

function list(page: RowPage<WhoActedRow>, fields: Fields, range: TimeRange): Html {
  const { rows } = page
  return html`<section class="list" aria-labelledby="acted">
<h2 id="acted" class="unseen">Actions, newest first</h2>
${spanOfTime(range)}
${rows.length === 0 ? EMPTY : actedTable(rows, (change) => addressOf(PATH, fields, change))}
${olderLinks(PATH, fields, range, page)}</section>`
}

function controls(agents: readonly AgentSummary[]): Controls {
  const rulings = RULINGS.map((one) => [one, one] as const)
  const decisions = DECISIONS.map((one) => [one, one === 'none' ? 'none: nobody was asked' : one] as const)
  const verifications = VERIFICATIONS.map((one) => [one, FINDINGS[one].word] as const)
  const unjudged = [UNJUDGED, 'not judged yet'] as const
  return {
    search: 'agent, person, action, target, rule, id',
    boxes: [
      { name: 'agent', label: 'Agent', known: agents.map(({ name }) => name) },
      { name: 'user', label: 'For user' },
      { name: 'kind', label: 'Kind', known: ['tool', 'mcp', 'process', 'db', 'http', 'aws'] },
      { name: 'action', label: 'Action' },
      { name: 'target', label: 'Target' },
      { name: 'environment', label: 'Environment', known: agents.map(({ environment }) => environment) },
      { name: 'ruling', label: 'Ruling', options: rulings },
      { name: 'decision', label: 'Decision', options: decisions },
      { name: 'approver', label: 'Approved by' },
      { name: 'verification', label: 'Verification', options: [...verifications, unjudged] },
    ],
  }
}

const EMPTY = html`<div class="empty"><p><strong>No action</strong> in this time matches. Take a filter away, ask for a longer time, or look at everything, also at what policy allows.</p></div>`
