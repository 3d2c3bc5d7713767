import type { Hono } from 'hono'
import type { AgentSummary } from '#contract'
import { countViolations, type ViolationCounts, type ViolationRow, violations } from '#store'
import type { Env, Parts } from '../context.ts'
import { type Html, html, NOTHING } from '../html/html.ts'
import type { Reader } from './answer.ts'
import { FINDINGS, MEANINGS, VIOLATIONS, type Violation } from './findings.ts'
import type { Controls } from './form.ts'
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
  counts: ViolationCounts
}

const ABOUT_VIOLATIONS: Investigation<ViolationsQuestion, Found> = {
  path: PATH,
  title: 'Violations',
  shape: violationsShape,
  controls,
  aside: () => NOTHING,
  ask,
  isEmpty: ({ counts }) => VIOLATIONS.every((kind) => counts[kind] === 0),
  list,
}

async function ask(
  store: Reader,
  { verification, agent, after }: ViolationsQuestion,
  { fromMs, toMs }: TimeRange,
): Promise<Found> {
  const filter = { fromMs, toMs, ...(agent === undefined ? {} : { agents: [agent] }) }
  const verifications = verification === undefined ? [] : [verification]
  const [page, counts] = await Promise.all([
    pageOf((place) => violations(store, { ...filter, ...place, verifications }), { size: ROWS, after }),
    countViolations(store, filter),
  ])
  return { ...page, counts }
}

function list(found: Found, fields: Fields, range: TimeRange): Html {
  const { rows, counts } = found
  const isNarrowed = (fields.verification ?? fields.agent) !== undefined
  return html`${spanOfTime(range)}
<ul class="kinds" aria-label="How many of each kind">${VIOLATIONS.map((kind) => tile(kind, counts[kind], fields))}</ul>
<section class="list" aria-labelledby="violations">
<h2 id="violations" class="unseen">Violations, newest first</h2>
${rows.length === 0 ? (isNarrowed ? NO_MATCH : NONE) : violationTable(rows, (agent) => addressOf(PATH, fields, { agent }))}
${olderLinks(PATH, fields, range, found)}</section>`
}

/** Pressed, it shows only its kind; pressed again, all of them. */
function tile(kind: Violation, count: number, fields: Fields): Html {
  const { word, sign, tone } = FINDINGS[kind]
  const isChosen = fields.verification === kind
  const address = addressOf(PATH, fields, { verification: isChosen ? '' : kind })
  return html`<li class="${count === 0 ? 'none' : `found ${tone}`}"><a href="${address}"${isChosen ? html` aria-current="true"` : NOTHING}><b>${count.toLocaleString('en-US')}</b> <span class="kind"><span aria-hidden="true">${sign}</span> ${word}</span> <span class="sub">${MEANINGS[kind]}</span></a></li>
`
}

function controls(agents: readonly AgentSummary[]): Controls {
  const options = VIOLATIONS.map((kind) => [kind, FINDINGS[kind].word] as const)
  return {
    boxes: [
      { name: 'agent', label: 'Agent', known: agents.map(({ name }) => name) },
      { name: 'verification', label: 'Kind', options },
    ],
  }
}

const NO_MATCH = html`<div class="empty"><p><strong>None</strong> in this time matches. Take a filter away, or ask for a longer time.</p></div>`
const NONE = html`<div class="empty"><p><strong>No violation was found.</strong> Whatever of this time has arrived in ClickHouse was allowed, or ran as it was decided, or is <a href="/actions?verification=unverifiable">unverifiable</a>. That says nothing of what agents do without sending a trace: only a gateway, or the resource itself, stops it.</p></div>`
