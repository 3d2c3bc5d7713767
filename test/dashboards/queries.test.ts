import type { ClickHouseClient } from '@clickhouse/client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { INCIDENTS, type Incident, type Planted, type SeedReport, seedStore } from '#seed'
import { clientOf, type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { type Answer, answerOf, answerProblems } from '../support/grafana/answers.ts'
import { type Asked, boardsOf, queriesOf } from '../support/grafana/board.ts'
import { type Column, generateDashboards } from '../support/grafana/generate.ts'
import type { Selection } from '../support/grafana/interpolate.ts'
import { asSent } from '../support/grafana/sql.ts'

// A Saturday, so that the week has one of every day.
const ENDS_AT_MS = Date.UTC(2026, 10, 21, 12)
const HOUR_MS = 3_600_000

const generated = generateDashboards()
const queries = Object.entries(boardsOf(generated)).flatMap(([file, board]) =>
  queriesOf(file, board, generated),
)

let running: RunningEngine
let client: ClickHouseClient
let week: SeedReport
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  const { writer, reader } = running.engine
  week = await seedStore(writer, { spans: 5_000, seed: 1, endsAtMs: ENDS_AT_MS, incidents: INCIDENTS })
  client = clientOf(reader)
}, 60_000)
afterAll(async () => {
  await client?.close()
  await running?.stop()
})

const planted = (incident: Incident): Planted => {
  const found = week.incidents.find((one) => one.incident === incident)
  if (found === undefined) throw new Error(`${incident} was not planted`)
  return found
}

/** As Grafana has it when somebody opens a dashboard, or comes from a link with a trace. */
const chosen = (more: Record<string, Selection> = {}): Record<string, Selection> => ({
  ...Object.fromEntries(
    Object.values(boardsOf(generated)).flatMap(({ templating }) =>
      templating.list.map(({ name, type }) => [name, type === 'textbox' ? '' : { all: '*' }]),
    ),
  ),
  ...more,
})
const range = () => ({ fromMs: week.fromMs, toMs: ENDS_AT_MS, intervalMs: HOUR_MS })
/** The same question of several tests is asked once. */
const asked = new Map<string, Promise<Answer>>()
function ask(query: Pick<Asked, 'rawSql'>, more: Record<string, Selection> = {}): Promise<Answer> {
  const sql = asSent(query, chosen(more), range())
  const answer = asked.get(sql) ?? answerOf(client, sql)
  asked.set(sql, answer)
  return answer
}
const named = (file: string, where: string): Asked => {
  const found = queries.find((one) => one.file === file && one.where === where)
  if (found === undefined) throw new Error(`${file} has no ${where}`)
  return found
}

describe('every query of every dashboard, over a seeded week', () => {
  test('dashboards - the engine answers with the columns that the panel needs, and with rows', async () => {
    expect(queries.length).toBeGreaterThan(30)
    const [released] = planted('night-export').requestIds
    const trace = planted('night-export').traceIds[0] ?? ''
    const problems: string[] = []
    for (const query of queries) {
      const answer = await ask(query, { trace, request: released ?? '' })
      const wanted = query.columns ?? [
        { name: answer.columns[0]?.name ?? '', title: '', kind: 'text' as const },
      ]
      problems.push(
        ...answerProblems(answer, wanted).map((problem) => `${query.file}, ${query.where}: ${problem}`),
      )
    }
    expect(problems).toEqual([])
  }, 60_000)

  const sound: Answer = {
    columns: [
      { name: 'at', type: "DateTime64(3, 'UTC')" },
      { name: 'agent', type: 'LowCardinality(Nullable(String))' },
      { name: 'wait_ms', type: 'Nullable(Int64)' },
      { name: 'tags', type: 'Array(Map(String, String))' },
    ],
    rows: [{}],
  }
  const wanted: Column[] = [
    { name: 'at', title: 'Time', kind: 'time' },
    { name: 'agent', title: 'Agent', kind: 'text' },
    { name: 'wait_ms', title: 'Wait', kind: 'number', unit: 'ms' },
    { name: 'tags', title: 'Tags', kind: 'pairs' },
  ]
  const typed = (name: string, type: string): Answer => ({
    ...sound,
    columns: sound.columns.map((column) => (column.name === name ? { name, type } : column)),
  })
  const broken: [why: string, answer: Answer, problem: string][] = [
    ['a column that is not there', { ...sound, columns: sound.columns.slice(1) }, 'at is missing'],
    [
      'a column that nobody shows',
      { ...sound, columns: [...sound.columns, { name: 'more', type: 'String' }] },
      'nobody asked for more',
    ],
    [
      'columns in another order',
      { ...sound, columns: sound.columns.toReversed() },
      'the columns come as tags, wait_ms, agent, at',
    ],
    ['a text where a time has to be', typed('at', 'String'), 'at is String, and no time'],
    ['a day where a time has to be', typed('at', 'Date'), 'at is Date, and no time'],
    ['a number where a text has to be', typed('agent', 'UInt8'), 'agent is UInt8, and no text'],
    ['a list where a text has to be', typed('agent', 'Array(String)'), 'agent is Array(String), and no text'],
    ['a text where a number has to be', typed('wait_ms', 'String'), 'wait_ms is String, and no number'],
    ['a number too large for a panel', typed('wait_ms', 'UInt128'), 'wait_ms is UInt128, and no number'],
    ['a text where pairs have to be', typed('tags', 'String'), 'tags is String, and no pairs'],
    ['a week in which there is nothing', { ...sound, rows: [] }, 'there is nothing in it'],
  ]
  test.for(broken)('dashboards - refused: %s', ([, answer, problem]) => {
    expect(answerProblems(sound, wanted)).toEqual([])
    expect(answerProblems(answer, wanted)).toEqual([problem])
  })

  test('dashboards - refused: a column that no table has', async () => {
    const { rawSql } = named('violations.json', 'What went round the gate (A)')
    await expect(ask({ rawSql: rawSql.replace('verification =', 'verifcation =') })).rejects.toThrow(
      /verifcation/,
    )
  })
})

/** What Grafana's trace panel looks for in a frame: https://grafana.com/docs/grafana/latest/explore/trace-integration */
const TRACE_PANEL = [
  'traceID',
  'spanID',
  'parentSpanID',
  'serviceName',
  'operationName',
  'startTime',
  'duration',
  'tags',
  'serviceTags',
  'statusCode',
  'logs',
  'references',
  'kind',
  'statusMessage',
]

describe('what was planted is found by a panel', () => {
  const rowsOf = async (file: string, title: string, more?: Record<string, Selection>) =>
    (await ask(named(file, `${title} (A)`), more)).rows

  test.for([
    ['forged-approval', 'forged'],
    ['ungated-role-policy', 'missing'],
    ['replayed-approval', 'replayed'],
    ['unbound-approval', 'unbound'],
  ] as const)(
    'dashboards - %s: among the violations, as %s, with its trace',
    async ([incident, verification]) => {
      const { traceIds, spanIds } = planted(incident)
      expect(await rowsOf('violations.json', 'Each violation, with its trace')).toContainEqual(
        expect.objectContaining({ verification, trace_id: traceIds[0], span_id: spanIds[0] }),
      )
    },
  )

  test('dashboards - an AttachRolePolicy that nobody decided is authorized by nobody where who acted is shown', async () => {
    const { traceIds } = planted('ungated-role-policy')
    const rows = await rowsOf('who-acted.json', 'Who acted, who authorized', { text: traceIds[0] ?? '' })
    expect(rows).toContainEqual(
      expect.objectContaining({
        trace_id: traceIds[0],
        action: expect.stringContaining('AttachRolePolicy'),
        authorized_by: 'nobody',
        decision: '',
        verification: 'missing',
      }),
    )
  })

  test('dashboards - whoever denied it does not pass for whoever authorized it', async () => {
    const { traceIds } = planted('forged-approval')
    const rows = await rowsOf('who-acted.json', 'Who acted, who authorized', { text: traceIds[0] ?? '' })
    expect(rows).toContainEqual(
      expect.objectContaining({
        authorized_by: expect.stringMatching(/^denied by \w+/),
        verification: 'forged',
      }),
    )
  })

  test('dashboards - somebody who approves within seconds stands first among those who authorized', async () => {
    const { people } = planted('instant-approver')
    const [first] = await rowsOf('who-acted.json', 'Who authorized, and how carefully')
    expect(first).toMatchObject({ reviewer: people[0] })
    expect(Number(first?.instant)).toBeGreaterThan(10)
  })

  test('dashboards - an export in a quiet night stands out where it was night, and nowhere else', async () => {
    const { requestIds, traceIds } = planted('night-export')
    const seenFrom = async (zone: string) =>
      (await rowsOf('who-acted.json', 'Released at night or at a weekend', { __timezone: zone })).find(
        ({ request_id }) => request_id === requestIds[0],
      )
    const found = await seenFrom('Europe/Berlin')
    expect(found).toMatchObject({
      action: expect.stringContaining('export_customers'),
      trace_id: traceIds[0],
    })
    expect(Number(found?.before)).toBe(0)
    expect(await seenFrom('utc')).toEqual(found)
    expect(await seenFrom('Asia/Tokyo')).toBeUndefined()
  })

  test('dashboards - the id of a request is enough to see its trace, who released it, and where it stands', async () => {
    const { requestIds, traceIds } = planted('night-export')
    const only = { trace: '', request: requestIds[0] ?? '' }
    expect(await rowsOf('action.json', 'Trace', only)).toContainEqual(
      expect.objectContaining({ traceID: traceIds[0] }),
    )
    expect(await rowsOf('action.json', 'Gated actions of this trace', only)).toContainEqual(
      expect.objectContaining({ request_id: requestIds[0], decision: 'approved', verification: 'verified' }),
    )
    const steps = (await rowsOf('action.json', 'Timeline', only)).map(({ step }) => step)
    expect(steps).toEqual(['requested', 'review', 'review', 'decided', 'spent', 'outcome'])
    expect(await rowsOf('action.json', 'Where it stands in the ledger', only)).toHaveLength(steps.length)
  })

  test('dashboards - the trace of a forged approval says so on the span, whatever the span says of itself', async () => {
    const { traceIds, spanIds } = planted('forged-approval')
    const { columns, rows } = await ask(named('action.json', 'Trace (A)'), { trace: traceIds[0] ?? '' })
    expect(columns.map(({ name }) => name)).toEqual(TRACE_PANEL)
    const span = rows.find(({ spanID }) => spanID === spanIds[0])
    expect(rows.length).toBeGreaterThan(1)
    expect(span?.tags).toContainEqual({ key: 'ledger.verification', value: 'forged' })
    expect(span?.tags).toContainEqual({ key: 'error', value: 'true' })
    expect(span?.statusCode).toBe(2)
    const keys = rows.flatMap(({ tags }) => (tags as { key: string }[]).map(({ key }) => key))
    expect(keys.filter((key) => key.startsWith('holdpoint.'))).toEqual([])
  })
})

describe('what somebody chooses', () => {
  test.for([
    ['kind', ['aws'], 'action', /^aws /],
    ['ruling', ['unknown'], 'authorized_by', /^unknown$/],
    ['decision', ['expired', 'cancelled'], 'authorized_by', /^nobody: (expired|cancelled)$/],
    ['decision', ['none'], 'decision', /^$/],
    ['user', 'EMILY', 'user', /emily/],
    ['action', 'tool issue_REF', 'action', /^tool issue_refund$/],
    ['target', 'customer/', 'target', /^customer\//],
    ['approver', 'Idp.seed', 'decision', /^approved$/],
  ] as const)('dashboards - %s %s: those alone', async ([variable, value, column, expected]) => {
    const table = named('who-acted.json', 'Who acted, who authorized (A)')
    const { rows } = await ask(table, { [variable]: typeof value === 'string' ? value : [...value] })
    expect(rows.length).toBeGreaterThan(0)
    for (const row of rows) expect(row[column]).toMatch(expected)
  })

  test('dashboards - all, and nothing at all, are every agent; one is that one', async () => {
    const all = (await ask(named('agents.json', 'Agents (A)'))).rows
    expect((await ask(named('agents.json', 'Agents (A)'), { agent: [] })).rows).toEqual(all)
    expect(all.length).toBeGreaterThan(1)
    const one = String(all[0]?.agent)
    expect((await ask(named('agents.json', 'Agents (A)'), { agent: [one] })).rows).toEqual([all[0]])
  })

  test('dashboards - a name that is written to end a string is a name like any other, and nobody has it', async () => {
    const hostile = [
      "' OR 1=1 --",
      "\\' OR 1=1 --",
      '\\',
      "') OR has([''], ''",
      '💥',
      'a&is=b',
      '%27',
      `\${agent}`,
    ]
    expect((await ask(named('agents.json', 'Agents (A)'), { agent: hostile })).rows).toEqual([])
    for (const name of hostile)
      expect((await ask(named('action.json', 'Timeline (A)'), { trace: name, request: name })).rows).toEqual(
        [],
      )
    const table = named('who-acted.json', 'Who acted, who authorized (A)')
    for (const words of [
      { kind: hostile, ruling: hostile, decision: hostile },
      ...hostile.map((word) => ({ user: word, approver: word })),
      { action: hostile[1] ?? '', target: hostile[1] ?? '' },
    ])
      expect((await ask(table, words)).rows).toEqual([])
    const [, trace = ''] = hostile
    expect((await ask(named('action.json', 'Trace (A)'), { trace })).rows).toEqual([])
  })
})
