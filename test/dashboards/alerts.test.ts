import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { alertProblems, type Boards } from '../support/grafana/alert-shape.ts'
import { type AlertsFile, alertsText, type Rule, readAlerts } from '../support/grafana/alerts.ts'
import type { Answer } from '../support/grafana/answers.ts'
import { evaluateRule, instancesOf } from '../support/grafana/evaluate.ts'
import { generateDashboards } from '../support/grafana/generate.ts'

const root = resolve(import.meta.dirname, '../..')
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const boards = generateDashboards().files as Boards
const first = ({ groups }: AlertsFile): Rule => {
  const rule = groups[0]?.rules[0]
  if (rule === undefined) throw new Error('there are no rules')
  return rule
}

test('alerts - the committed file is what dashboards/alerts make', () => {
  expect(read('dashboards/out/alerts.yaml')).toBe(alertsText())
})

test('alerts - each has all that Grafana reads, and whoever is woken', () => {
  const alerts = readAlerts()
  expect(alerts.groups.flatMap(({ rules }) => rules).length).toBeGreaterThan(10)
  expect(alertProblems(alerts, boards)).toEqual([])
})

describe('alerts - refused:', () => {
  const threshold = (rule: Rule) => rule.data[1]?.model as unknown as { expression: string; refId: string }
  const query = (rule: Rule) =>
    rule.data[0]?.model as { rawSql: string; pluginVersion?: string; format: number }
  const cases: [what: string, spoil: (rule: Rule, file: AlertsFile) => void, problem: RegExp][] = [
    ['two rules of one uid', (rule, { groups }) => groups[1]?.rules.push(rule), /two rules have that uid/],
    ['two groups of one name', (_, { groups }) => groups.push(...groups.slice(0, 1)), /two have that name/],
    ['a uid that Grafana cuts', (rule) => (rule.uid = 'x'.repeat(41)), /at most 40/],
    ['a misspelt field', (rule) => Object.assign(rule, { noDatastate: 'OK' }), /knows no field noDatastate/],
    ['a failing query that keeps quiet', (rule) => (rule.execErrState = 'OK'), /must not go quiet/],
    ['a failing query that keeps what was', (rule) => (rule.execErrState = 'KeepLast'), /must not go quiet/],
    ['a state that there is not', (rule) => (rule.noDataState = 'Ok'), /noDataState Ok/],
    ['a time without a unit', (rule) => (rule.for = '120'), /expected a duration/],
    ['a condition that is the query', (rule) => (rule.condition = 'A'), /condition is not the threshold/],
    ['a threshold on nothing', (rule) => (threshold(rule).expression = 'C'), /threshold is not on the query/],
    ['a model with another refId', (rule) => (threshold(rule).refId = 'C'), /another refId/],
    ['a query that the plugin rewrites', (rule) => delete query(rule).pluginVersion, /plugin’s version/],
    ['a query that gives no table', (rule) => (query(rule).format = 0), /gives a table/],
    [
      'a variable of a dashboard',
      (rule) => (query(rule).rawSql += ' $agent'),
      /variable, which an alert does not have/,
    ],
    ['a query without time', (rule) => (query(rule).rawSql = 'SELECT 1'), /looks at all of time/],
    ['a dashboard that there is not', (rule) => (rule.dashboardUid = 'holdpoint-other'), /there is none/],
    ['a panel that there is not', (rule) => (rule.panelId = 999), /panel 999/],
    ['another panel in notifications', (rule) => (rule.annotations.__panelId__ = '1'), /another panel/],
    ['no summary', (rule) => (rule.annotations.summary = ''), /summary: says nothing/],
    ['a number of nothing', (rule) => delete rule.annotations.measures, /measures: says nothing/],
    [
      'another page',
      (rule) => (rule.annotations.runbook_url = 'https://x/forged-claim.md'),
      /expected the page/,
    ],
    ['no severity', (rule) => delete rule.labels.severity, /critical or warning/],
  ]

  test.each(cases)('%s', (_, spoil, problem) => {
    const alerts = readAlerts()
    spoil(first(alerts), alerts)
    expect(alertProblems(alerts, boards).join('\n')).toMatch(problem)
  })
})

describe('alerts - evaluated', () => {
  const table = (rows: [agent: string, spans: number][]): Answer => ({
    columns: [
      { name: 'agent', type: 'LowCardinality(String)' },
      { name: 'spans', type: 'Float64' },
    ],
    rows: rows.map(([agent, spans]) => ({ agent, spans })),
  })
  const rule = (more: Partial<Rule> = {}): Rule => ({ ...first(readAlerts()), ...more })
  const at = Date.UTC(2026, 10, 20)
  const answering = (rows: [string, number][]) => async () => table(rows)

  test('each row above the threshold is an alert, and none at it', async () => {
    const alerts = await evaluateRule(
      rule(),
      answering([
        ['one', 2],
        ['two', 0],
      ]),
      at,
    )
    expect(alerts).toEqual([{ labels: { agent: 'one' }, value: 2, state: 'Alerting' }])
  })

  test('no row and a refused query are what the rule says of them', async () => {
    const failing = async () => Promise.reject(new Error('UNKNOWN_TABLE'))
    expect(await evaluateRule(rule({ noDataState: 'OK' }), answering([]), at)).toEqual([])
    expect(await evaluateRule(rule({ noDataState: 'NoData' }), answering([]), at)).toMatchObject([
      { state: 'NoData' },
    ])
    expect(await evaluateRule(rule({ execErrState: 'Error' }), failing, at)).toMatchObject([
      { state: 'Error' },
    ])
  })

  test('what has not lasted for as long as the rule asks does not fire', async () => {
    const since = (ms: number) => async (sql: string) => {
      const to = Number(/judged_at <= fromUnixTimestamp64Milli\((\d+)\)/.exec(sql)?.[1])
      return table(to >= at - ms ? [['one', 1]] : [])
    }
    expect(await evaluateRule(rule({ for: '2m' }), since(60_000), at)).toEqual([])
    expect(await evaluateRule(rule({ for: '2m' }), since(120_000), at)).toHaveLength(1)
  })

  test('a table that Grafana cannot tell apart as alerts is refused', () => {
    const { columns } = table([])
    const [text, number] = columns as [Answer['columns'][0], Answer['columns'][0]]
    expect(() =>
      instancesOf(
        table([
          ['one', 1],
          ['one', 2],
        ]),
      ),
    ).toThrow(/two rows have the labels/)
    expect(() => instancesOf({ columns: [text], rows: [] })).toThrow(/texts and one number/)
    expect(() => instancesOf({ columns: [text, number, { ...number, name: 'n' }], rows: [] })).toThrow(
      /one number/,
    )
    expect(() =>
      instancesOf({ columns: [text, number, { name: 'at', type: 'DateTime' }], rows: [] }),
    ).toThrow(/DateTime/)
  })
})

describe('runbooks', () => {
  const pages = readdirSync(join(root, 'docs/runbooks'))

  test.each(pages)(
    'runbooks - %s says what it means, what to look at, and what to do, and no link is dead',
    (page) => {
      const text = read(`docs/runbooks/${page}`)
      expect(text).toMatch(/^# .+\n\n\*\*What it means\.\*\* /)
      expect([...text.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)).toEqual([
        'First look',
        'Contain',
        'Explain',
        'Resolve',
        'False positives',
      ])
      for (const [, link = ''] of text.matchAll(/\]\((?!https?:)([^)#]+)/g))
        expect(() => readFileSync(join(root, 'docs/runbooks', link)), link).not.toThrow()
    },
  )

  test('runbooks - each belongs to an alert, names only panels that its dashboard has, and commands that there are', () => {
    const rules = readAlerts().groups.flatMap((group) => group.rules)
    expect(pages.toSorted()).toEqual(rules.map(({ uid }) => `${uid.replace('holdpoint-', '')}.md`).toSorted())
    const commands = [...read('README.md').matchAll(/`([a-z]+(?: [a-z-]+)?)`/g)].map(([, name]) => name)
    const titles = Object.values(
      generateDashboards().files as Record<string, { title: string; panels: { title: string }[] }>,
    ).flatMap(({ title, panels }) => [title, ...panels.map((panel) => panel.title)])
    for (const page of pages) {
      const text = read(`docs/runbooks/${page}`)
      for (const [, one = '', two = ''] of text.matchAll(/holdpoint ([a-z]+)(?: ([a-z][a-z-]+))?/g))
        expect(
          commands.includes(`${one} ${two}`) || commands.includes(one),
          `${page}: holdpoint ${one} ${two}`,
        ).toBe(true)
      for (const [, title = ''] of text.matchAll(/(?<!\*)\*([A-Z][^*]{6,})\*(?!\*)/g))
        expect(titles, page).toContain(title)
      for (const [, title = ''] of text.matchAll(/dashboards? \*\*([^*]+)\*\*/g))
        expect(titles, page).toContain(title)
    }
  })
})
