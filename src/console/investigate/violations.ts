import type { Hono } from 'hono'
import { type AgentSummary, ALARMING } from '#contract'
import { type ViolationRow, violations } from '#store'
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
  const all = await violations(store, { ...filter, toMs, most: MOST_COUNTED })
  const chosen = verification === undefined ? VIOLATIONS : [verification]
  const place = { size: ROWS, toMs, after }
  if (all.length < MOST_COUNTED) {
    const rows = all.filter((row) => chosen.some((kind) => kind === row.verification))
    const of = async (to: number, most: number) => rows.filter(({ at }) => at <= to).slice(0, most)
    return { ...(await pageOf(of, place)), counts: countsOf(all, all) }
  }
  const [page, alarming, observed] = await Promise.all([
    pageOf((to, most) => violations(store, { ...filter, verifications: chosen, toMs: to, most }), place),
    // Apart from each other: where policy only observes there are very many, and they must not crowd out the rest.
    violations(store, { ...filter, toMs, verifications: ALARMING, most: MOST_COUNTED }),
    violations(store, { ...filter, toMs, verifications: ['observed'], most: MOST_COUNTED }),
  ])
  return { ...page, counts: countsOf(alarming, observed) }
}
const MOST_COUNTED = 2_000

const countsOf = (alarming: readonly ViolationRow[], observed: readonly ViolationRow[]): Counts =>
  Object.fromEntries(
    VIOLATIONS.map((kind) => {
      const rows = kind === 'observed' ? observed : alarming
      const count = rows.filter(({ verification }) => verification === kind).length
      return [kind, { count, isLeast: rows.length === MOST_COUNTED }]
    }),
  ) as unknown as Counts

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
function tile(kind: Violation, { count, isLeast }: Counts[Violation], fields: Fields): Html {
  const { word, sign, tone } = FINDINGS[kind]
  const isChosen = fields.verification === kind
  const address = addressOf(PATH, fields, { verification: isChosen ? '' : kind })
  return html`<li class="${count === 0 ? 'none' : `found ${tone}`}"><a href="${address}"${isChosen ? html` aria-current="true"` : NOTHING}><b>${isLeast ? 'at least ' : ''}${count.toLocaleString('en-US')}</b> <span class="kind"><span aria-hidden="true">${sign}</span> ${word}</span> <span class="sub">${MEANINGS[kind]}</span></a></li>
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
