import type { Rule, Threshold } from './alerts.ts'
import type { Answer } from './answers.ts'
import { expandMacros } from './macros.ts'

/** Throws where ClickHouse refuses. */
export type Ask = (sql: string) => Promise<Answer>

export interface Alert {
  labels: Record<string, string>
  /** `NoData` and `Error` are alerts of Grafana's own, which have no value. */
  state: 'Alerting' | 'NoData' | 'Error'
  value?: number
}

const MINUTE_MS = 60_000

/**
 * What a rule makes of a store at a moment, as Grafana does: the query as a table of texts and one number, each row
 * an instance with the texts as labels; the threshold on the number; firing once it held for as long as `for` says.
 */
export async function evaluateRule(rule: Rule, ask: Ask, atMs: number): Promise<Alert[]> {
  const now = await evaluateOnce(rule, ask, atMs)
  const minutes = minutesOf(rule.for)
  let firing = now
  for (let ago = 1; ago <= minutes && firing.length > 0; ago++) {
    const then = await evaluateOnce(rule, ask, atMs - ago * MINUTE_MS)
    firing = firing.filter(({ labels }) => then.some((other) => sameLabels(labels, other.labels)))
  }
  return firing
}

async function evaluateOnce(rule: Rule, ask: Ask, atMs: number): Promise<Alert[]> {
  const { query, threshold } = partsOf(rule)
  const { from, to } = query.relativeTimeRange
  const range = { fromMs: atMs - from * 1000, toMs: atMs - to * 1000, intervalMs: MINUTE_MS }
  let answer: Answer
  try {
    answer = await ask(expandMacros(query.rawSql, range))
  } catch {
    return inState(rule.execErrState)
  }
  const instances = instancesOf(answer)
  if (instances.length === 0) return inState(rule.noDataState)
  return instances
    .filter(({ value }) => value > threshold)
    .map(({ labels, value }) => ({ labels, value, state: 'Alerting' }))
}

function partsOf(rule: Rule) {
  const bound = rule.data.find(({ refId }) => refId === rule.condition)?.model as Threshold | undefined
  const asked = rule.data.find(({ refId }) => refId === bound?.expression)
  const threshold = bound?.conditions[0]?.evaluator.params[0]
  if (asked === undefined || !('rawSql' in asked.model) || threshold === undefined)
    throw new Error(`${rule.uid}: a query and a threshold on it were expected`)
  return { query: { ...asked.model, relativeTimeRange: asked.relativeTimeRange }, threshold }
}

const inState = (state: string): Alert[] =>
  state === 'OK' ? [] : [{ labels: {}, state: state as Alert['state'] }]

const NUMBERS = /^(?:Nullable\()?(?:U?Int\d+|Float\d+)\)?$/
const TEXTS = /^(?:LowCardinality\()?(?:Nullable\()?String\)*$/

/** Throws an Error for a table that Grafana could not tell apart as alerts. */
export function instancesOf({ columns, rows }: Answer): { labels: Record<string, string>; value: number }[] {
  const numbers = columns.filter(({ type }) => NUMBERS.test(type))
  const texts = columns.filter(({ type }) => TEXTS.test(type))
  if (numbers.length !== 1 || texts.length !== columns.length - 1)
    throw new Error(`expected texts and one number, found ${columns.map(({ type }) => type).join(', ')}`)
  const instances = rows.map((row) => ({
    labels: Object.fromEntries(texts.map(({ name }) => [name, String(row[name])])),
    value: Number(row[numbers[0]?.name ?? '']),
  }))
  const repeated = instances.find(({ labels }, index) =>
    instances.slice(0, index).some((other) => sameLabels(labels, other.labels)),
  )
  if (repeated) throw new Error(`two rows have the labels ${JSON.stringify(repeated.labels)}`)
  return instances
}

const sameLabels = (one: Record<string, string>, other: Record<string, string>): boolean =>
  JSON.stringify(one) === JSON.stringify(other)

function minutesOf(duration: string): number {
  const [, amount, unit] = /^(\d+)([sm])$/.exec(duration) ?? []
  if (amount === undefined) throw new Error(`${duration}: expected seconds or minutes`)
  return Math.ceil(Number(amount) / (unit === 's' ? 60 : 1))
}
