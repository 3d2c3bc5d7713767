import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { INCIDENTS, type SeedReport, seedStore } from '#seed'
import type { ClickHouseTarget } from '#store'
import { type Asked, boardsOf, queriesOf } from '../support/grafana/board.ts'
import { generateDashboards } from '../support/grafana/generate.ts'
import type { Selection } from '../support/grafana/interpolate.ts'
import { asSent } from '../support/grafana/sql.ts'
import type { RunOptions } from '../support/runner.ts'
import { startStore } from '../support/store-process.ts'
import { percentile } from './support/percentile.ts'

export const summary =
  'Every query of every dashboard over a seeded week of 10 million spans, all of it looked at: worst first.'

const SPANS = 10_000_000
const ENDS_AT_MS = Date.UTC(2026, 10, 21, 12)
const ROUNDS = 5
/** A week on a panel of a thousand pixels. */
const INTERVAL_MS = 600_000
/** What a browser asks one server for at a time. */
const AT_ONCE = 6

interface Measured {
  dashboard: string
  panel: string
  /** Median. */
  ms: number
  rowsRead: number
  bytesRead: number
}

/** `n` spans. */
export async function run({ n = SPANS, seed, say }: RunOptions): Promise<Record<string, unknown>> {
  const generated = generateDashboards()
  const boards = boardsOf(generated)
  const scene = await startStore()
  try {
    const week = await fill(scene.engine.writer, n, seed, say)
    const client = readerOf(scene.engine.reader)
    const range = { fromMs: week.fromMs, toMs: ENDS_AT_MS, intervalMs: INTERVAL_MS }
    const panels: Measured[] = []
    const wholeMs: Record<string, number> = {}
    for (const [file, board] of Object.entries(boards)) {
      const dashboard = file.replace(/\.json$/, '')
      const queries = queriesOf(file, board, generated)
      const selections = chosen(week, board.templating.list)
      const sent = (query: Asked): string => asSent(query, selections, range)
      for (const query of queries)
        panels.push({ dashboard, panel: query.where, ...(await measure(client, sent(query))) })
      wholeMs[dashboard] = await medianOf(() => openAll(client, queries.map(sent)))
      say(`${dashboard}: ${queries.length} queries, all together ${wholeMs[dashboard]} ms`)
    }
    await client.close()
    panels.sort((one, other) => other.ms - one.ms)
    return { spans: n, rows: week.rows, panels, worstMs: panels[0]?.ms, wholeMs }
  } finally {
    await scene.stop()
  }
}

async function fill(
  target: ClickHouseTarget,
  spans: number,
  seed: number,
  say: RunOptions['say'],
): Promise<SeedReport> {
  const startedAt = performance.now()
  let told = 0
  const progress = (done: number, total: number): void => {
    if (done - told < total / 10) return
    told = done
    say(`${done} of ${total} spans`)
  }
  const week = await seedStore(
    target,
    { spans, seed, endsAtMs: ENDS_AT_MS, incidents: INCIDENTS },
    { progress },
  )
  say(`seeded in ${Math.round((performance.now() - startedAt) / 1000)} s`)
  return week
}

const readerOf = ({ url, user, password, database }: ClickHouseTarget): ClickHouseClient =>
  createClient({ url, username: user, password, database, log: { level: ClickHouseLogLevel.OFF } })

/** As a dashboard opens: everything, and where it is about one action, one that was released. */
function chosen(
  { incidents }: SeedReport,
  variables: readonly { name: string; type: string }[],
): Record<string, Selection> {
  const released = incidents.find(({ incident }) => incident === 'night-export')
  const one: Record<string, string | undefined> = {
    trace: released?.traceIds[0],
    request: released?.requestIds[0],
  }
  return Object.fromEntries(
    variables.map(({ name, type }) => [name, one[name] ?? (type === 'textbox' ? '' : { all: '*' })]),
  )
}

async function measure(
  client: ClickHouseClient,
  query: string,
): Promise<Omit<Measured, 'dashboard' | 'panel'>> {
  let read = { rowsRead: 0, bytesRead: 0 }
  const ms = await medianOf(async () => {
    read = await ask(client, query)
  })
  return { ms, ...read }
}

async function ask(
  client: ClickHouseClient,
  query: string,
): Promise<Pick<Measured, 'rowsRead' | 'bytesRead'>> {
  const { statistics } = await (await client.query({ query, format: 'JSON' })).json()
  return { rowsRead: statistics?.rows_read ?? 0, bytesRead: statistics?.bytes_read ?? 0 }
}

/** The first round fills caches, as the first visitor of a morning does, and does not count. */
async function medianOf(work: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const startedAt = performance.now()
    await work()
    if (round > 0) times.push(performance.now() - startedAt)
  }
  return Math.round(percentile(times, 0.5))
}

async function openAll(client: ClickHouseClient, queries: readonly string[]): Promise<void> {
  const left = [...queries]
  const next = async (): Promise<void> => {
    for (let query = left.shift(); query !== undefined; query = left.shift()) await ask(client, query)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, next))
}
