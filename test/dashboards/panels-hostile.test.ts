import { afterAll, beforeAll, expect, test } from 'vitest'
import { unixMilliText } from '#store'
import { ledgerRows, requested } from '../store/action-rows.ts'
import { clientOf, type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { type Answer, answerOf } from '../support/grafana/answers.ts'
import { boardsOf, queriesOf } from '../support/grafana/board.ts'
import { generateDashboards } from '../support/grafana/generate.ts'
import { asSent } from '../support/grafana/sql.ts'

const NOW = Date.UTC(2026, 10, 20, 16)
const HOUR_MS = 3_600_000

let engine: RunningEngine
let reader: ReturnType<typeof clientOf>
const finding = (number: number, agoMs: number, more: object) => ({
  trace_id: number.toString(16).padStart(32, '0'),
  span_id: number.toString(16).padStart(16, '0'),
  timestamp: unixMilliText(NOW - agoMs),
  received_at: unixMilliText(NOW - agoMs),
  judged_at: unixMilliText(NOW - agoMs),
  environment: 'prod',
  kind: 'tool',
  name: 'grant_role',
  outcome: 'executed',
  verification: 'missing',
  content_digest: `digest-${number}`,
  content: `digest-${number}`,
  ...more,
})

/** Two that matter, and then noise: of one loud agent, of what is only observed, and under a name each. */
beforeAll(async () => {
  engine = await startEngine({ migrated: true })
  reader = clientOf(engine.engine.reader)
  const writer = clientOf(engine.engine.writer)
  const many = (first: number, count: number, more: (n: number) => object) =>
    Array.from({ length: count }, (_, n) => finding(first + n, 60_000 + n, more(n)))
  await writer.insert({
    table: 'holdpoint_ledger',
    format: 'JSONEachRow',
    values: ledgerRows(1, [
      ...Array.from({ length: 1_100 }, (_, n) => requested(`flood ${n}`, 'b', { at: NOW - 48 * HOUR_MS })),
      requested('innocent', 'b', { at: NOW - 47 * HOUR_MS }),
      requested('known', 'a', {
        at: NOW - 24 * HOUR_MS,
        agent: { iss: 'hp', sub: 'agent-7', name: 'known' },
      }),
    ]),
  })
  await writer.insert({
    table: 'holdpoint_findings',
    format: 'JSONEachRow',
    values: [
      finding(1, 5 * HOUR_MS, { agent: 'known', name: 'AttachRolePolicy' }),
      finding(2, 6 * HOUR_MS, { agent: '', name: 'DeleteBucket' }),
      ...many(1_000, 3_000, (n) => ({ agent: 'loud', name: `made_up_${n}`, verification: 'forged' })),
      ...many(10_000, 3_000, () => ({ agent: 'known', verification: 'observed' })),
      ...many(20_000, 3_000, (n) => ({ agent: `0 made up ${n}`, verification: 'forged' })),
    ],
  })
  await writer.close()
})
afterAll(async () => {
  await reader?.close()
  await engine?.stop()
})

const generated = generateDashboards()
const boards = boardsOf(generated)
async function rowsOf(
  file: string,
  where: string,
  more: Record<string, string> = {},
): Promise<Answer['rows']> {
  const board = boards[file]
  const query = board && queriesOf(file, board, generated).find((one) => one.where === where)
  if (query === undefined) throw new Error(`${file} has no ${where}`)
  const all = Object.values(boards).flatMap(({ templating }) =>
    templating.list.map(({ name, type }) => [name, type === 'textbox' ? '' : { all: '*' }] as const),
  )
  const range = { fromMs: NOW - 168 * HOUR_MS, toMs: NOW, intervalMs: HOUR_MS }
  return (await answerOf(reader, asSent(query, { ...Object.fromEntries(all), ...more }, range))).rows
}

test('dashboards - noise pushes no violation of another agent out of the list', async () => {
  const rows = await rowsOf('violations.json', 'Each violation, with its trace (A)')
  expect(rows).toHaveLength(1000)
  expect(rows.filter(({ name }) => name === 'AttachRolePolicy' || name === 'DeleteBucket')).toHaveLength(2)
  expect(rows.map(({ at }) => String(at))).toEqual(
    rows
      .map(({ at }) => String(at))
      .toSorted()
      .reverse(),
  )
})

test('dashboards - nor out of the agents with violations, and what is left over is counted', async () => {
  const rows = await rowsOf('violations.json', 'Violations by agent (A)')
  expect(rows).toHaveLength(20)
  const one = (agent: string) => rows.find((row) => row.agent === agent)
  expect(one('known')).toMatchObject({ missing: 1 })
  expect(one('unnamed')).toMatchObject({ missing: 1 })
  expect(rows.reduce((sum, { forged }) => sum + Number(forged), 0)).toBe(6_000)
})

test('dashboards - nor out of the agents, or of what they do for the first time', async () => {
  const agents = (await rowsOf('agents.json', 'Agents (A)')).map(({ agent }) => agent)
  expect(agents).toContain('known')
  const first = await rowsOf('agents.json', 'First seen: tools and targets (A)')
  expect(first.map(({ action }) => action)).toContain('tool AttachRolePolicy')
})

test('dashboards - nor out of what a variable offers', async () => {
  const rows = await rowsOf('violations.json', 'variable agent')
  expect(rows.map(({ agent }) => agent)).toContain('known')
})

test.each(['Timeline (A)', 'Where it stands in the ledger (A)'])(
  'dashboards - requests that somebody else makes under the ids of a trace push the one looked at out of no %s',
  async (where) => {
    const rows = await rowsOf('action.json', where, { trace: 'b'.repeat(32), request: 'innocent' })
    expect(rows).toHaveLength(1000)
    expect(JSON.stringify(rows)).toContain('innocent')
  },
)
