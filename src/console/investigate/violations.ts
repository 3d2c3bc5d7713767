import type { Hono } from 'hono'
import { type AgentSummary, ALARMING } from '#contract'
import { type ViolationRow, violations } from '#store'
import type { Env, Parts } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import type { Reader } from './answer.ts'
import { FINDINGS, MEANINGS, VIOLATIONS, type Violation } from './findings.ts'
import type { Box, Choice } from './form.ts'
import { type Investigation, investigationRoute } from './investigation.ts'
import { olderLinks, spanOfTime } from './list-parts.ts'
import { pageOf, type RowPage } from './paging.ts'
import { addressOf, type Fields, type ViolationsQuestion, violationsShape } from './question.ts'
import type { TimeRange } from './range.ts'
import { violationTable } from './violation-row.ts'

const PATH = '/violations'
const ROWS = 50

/** What went round the gate, or lied about it, by the query that the dashboards have. */
export const violationRoutes = (app: Hono<Env>, parts: Parts): void =>
  investigationRoute(app, parts, ABOUT_VIOLATIONS)

interface Found extends RowPage<ViolationRow> {
  counts: Counts
}
type Counts = Readonly<Record<Violation, { count: number; isLeast: boolean }>>

const ABOUT_VIOLATIONS: Investigation<ViolationsQuestion, Found> = {
  path: PATH,
  title: 'Violations',
  shape: violationsShape,
  controls,
  aside: () => NOTHING,
  ask,
  isEmpty: ({ counts }) => VIOLATIONS.every((kind) => counts[kind].count === 0),
  list,
}

async function ask(
  store: Reader,
  { verification, agent, after }: ViolationsQuestion,
  { fromMs, toMs }: TimeRange,
): Promise<Found> {
  const filter = { fromMs, ...(agent === undefined ? {} : { agents: [agent] }) }
  const chosen = { ...filter, ...(verification === undefined ? {} : { verifications: [verification] }) }
  const [page, alarming, observed] = await Promise.all([
    pageOf((to, most) => violations(store, { ...chosen, toMs: to, most }), { size: ROWS, toMs, after }),
    // Counted apart: where policy only observes there are very many, and they must not crowd out the others.
    violations(store, { ...filter, toMs, verifications: ALARMING, most: MOST_COUNTED }),
    violations(store, { ...filter, toMs, verifications: ['observed'], most: MOST_COUNTED }),
  ])
  return { ...page, counts: countsOf(alarming, observed) }
}
const MOST_COUNTED = 2_000

const countsOf = (...groups: readonly ViolationRow[][]): Counts =>
  Object.fromEntries(
    VIOLATIONS.map((kind) => {
      const group = groups[kind === 'observed' ? 1 : 0] ?? []
      const count = group.filter(({ verification }) => verification === kind).length
      return [kind, { count, isLeast: group.length === MOST_COUNTED }]
    }),
  ) as unknown as Counts

function list(found: Found, fields: Fields, range: TimeRange): Html {
  const { rows, counts } = found
  return html`${spanOfTime(range)}
<ul class="kinds" aria-label="How many of each kind">${VIOLATIONS.map((kind) => tile(kind, counts[kind], fields))}</ul>
<section class="list" aria-labelledby="violations">
<h2 id="violations" class="unseen">Violations, newest first</h2>
${rows.length === 0 ? EMPTY : violationTable(rows, (agent) => addressOf(PATH, fields, { agent }))}
${olderLinks(PATH, fields, range, found)}</section>`
}

/** Pressed, it shows only its kind; pressed again, all of them. */
function tile(kind: Violation, { count, isLeast }: Counts[Violation], fields: Fields): Html {
  const { word, sign, tone } = FINDINGS[kind]
  const isChosen = fields.verification === kind
  const address = addressOf(PATH, fields, { verification: isChosen ? '' : kind })
  return html`<li class="${count === 0 ? 'none' : `found ${tone}`}"><a href="${address}"${isChosen ? html` aria-current="true"` : NOTHING}><b>${isLeast ? 'at least ' : ''}${count.toLocaleString('en-US')}</b> <span class="kind"><span aria-hidden="true">${sign}</span> ${word}</span> <span class="sub">${MEANINGS[kind]}</span></a></li>
`
}

function controls(agents: readonly AgentSummary[]): (Box | Choice)[] {
  const options = VIOLATIONS.map((kind) => [kind, FINDINGS[kind].word] as const)
  return [
    { name: 'agent', label: 'Agent', known: [...new Set(agents.map(({ name }) => name))] },
    { name: 'verification', label: 'Kind', options },
  ]
}

const EMPTY = html`<div class="empty"><p><strong>No violation was found.</strong> Every action of this time that has arrived in ClickHouse was allowed, or decided on and run as it was decided. It says nothing of what agents do without sending a trace: only a gateway, or the resource itself, stops that.</p></div>`
