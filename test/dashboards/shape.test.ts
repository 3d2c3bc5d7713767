import { expect, test } from 'vitest'
import { type Board, type BoardPanel, boardsOf } from '../support/grafana/board.ts'
import { generateDashboards } from '../support/grafana/generate.ts'
import { shapeProblems } from '../support/grafana/shape.ts'

const generated = generateDashboards()
const FILE = 'violations.json'

test('dashboards - ids, places, variables, links, queries, words and colours are as they have to be', () => {
  expect(Object.keys(boardsOf(generated)).length).toBeGreaterThan(3)
  expect(shapeProblems(boardsOf(generated), generated)).toEqual([])
})

const panel = (board: Board, type: string): BoardPanel =>
  board.panels.find((one) => one.type === type) as BoardPanel
const target = (board: Board) => {
  const [first] = panel(board, 'table').targets ?? []
  if (first === undefined) throw new Error('the table asks nothing')
  return first
}
const ask = (board: Board, from: string, to: string): void => {
  if (!target(board).rawSql.includes(from)) throw new Error(`no query has ${from}`)
  target(board).rawSql = target(board).rawSql.replace(from, to)
}
/** A property of the column `name` in the table. */
const property = (board: Board, name: string, id: string) => {
  const override = panel(board, 'table').fieldConfig?.overrides.find(
    ({ matcher }) => matcher.options === name,
  )
  const found = override?.properties.find((one) => one.id === id)
  if (found === undefined) throw new Error(`${name} has no ${id}`)
  return found
}
const firstLink = (board: Board, name: string) =>
  (property(board, name, 'links').value as { url: string }[])[0] as { url: string }

const broken: [why: string, change: (board: Board) => unknown, problem: string][] = [
  [
    'two dashboards with one uid',
    (one) => (one.uid = 'holdpoint-agents'),
    'uid holdpoint-agents: two dashboards',
  ],
  ['two dashboards with one title', (one) => (one.title = 'Agents'), 'title Agents: two dashboards'],
  ['an uid that is too long', (one) => (one.uid = 'h'.repeat(41)), 'up to 40 characters'],
  ['two panels with one id', (one) => (panel(one, 'table').id = panel(one, 'stat').id), 'two panels have it'],
  ['a panel without an id', (one) => (panel(one, 'table').id = 0), 'has no id'],
  [
    'two panels with one title',
    (one) => (panel(one, 'table').title = panel(one, 'stat').title),
    'are called so',
  ],
  [
    'two queries with one refId',
    (one) => panel(one, 'table').targets?.push({ ...target(one) }),
    'two queries are A',
  ],
  ['a panel that is too wide', (one) => (panel(one, 'barchart').gridPos.w += 1), 'outside of the 24 columns'],
  ['a panel left of the grid', (one) => (panel(one, 'table').gridPos.x = -1), 'outside of the 24 columns'],
  ['a panel of no height', (one) => (panel(one, 'table').gridPos.h = 0), 'outside of the 24 columns'],
  ['a panel over another', (one) => (panel(one, 'table').gridPos.y -= 2), 'lies over'],
  ['a panel over the heading of a row', (one) => (panel(one, 'stat').gridPos.y = 0), 'lies over'],
  [
    'a variable that nothing uses',
    (one) => one.templating.list.push({ name: 'spare', type: 'textbox', query: 'of $spare' }),
    'variable spare: is not used',
  ],
  ['a variable that is not defined', (one) => one.templating.list.splice(2, 1), 'is used and not defined'],
  [
    'a variable without braces',
    (one) => (target(one).rawSql += '\n-- $other'),
    'variable other: is used and not',
  ],
  [
    'a variable in Grafana’s old brackets',
    (one) => (target(one).rawSql += '\n-- [[old]]'),
    'variable old: is used and not defined',
  ],
  [
    'the same variable twice',
    (one) => one.templating.list.push(...one.templating.list.slice(-1)),
    'is there twice',
  ],
  [
    'quoting that leaves backslashes',
    (one) => ask(one, ':customqueryparam:is}', ':singlequote}'),
    "keeps somebody's words out of the SQL",
  ],
  [
    'a value as it is',
    (one) => ask(one, ':customqueryparam:is}', '}'),
    "keeps somebody's words out of the SQL",
  ],
  [
    'an encoded value outside of quotes',
    (one) => ask(one, `'\${agent:customqueryparam:is}'`, `\${agent:customqueryparam:is}`),
    'stands outside of quotes',
  ],
  ['a macro that there is not', (one) => (target(one).rawSql += '$__timeFitler(at)'), 'no macro'],
  [
    'a macro without its argument',
    (one) => (target(one).rawSql += '$__timeFilter()'),
    'expected 1 arguments',
  ],
  [
    'a parameter that nothing stands for',
    (one) => (target(one).rawSql += '{most:UInt32}'),
    'nothing stands for',
  ],
  [
    'a query of another datasource',
    (one) => (target(one).datasource.uid = 'PDEE91DDB90597936'),
    'another datasource',
  ],
  ['a panel without a description', (one) => (panel(one, 'stat').description = ' '), 'has no description'],
  ['a panel without a title', (one) => (panel(one, 'stat').title = ''), 'has no title'],
  [
    'a panel that does not say what nothing means',
    (one) => delete panel(one, 'stat').fieldConfig?.defaults.noValue,
    'says nothing where there is nothing',
  ],
  [
    'a number without a unit',
    (one) => {
      for (const override of panel(one, 'stat').fieldConfig?.overrides ?? [])
        override.properties = override.properties.filter(({ id }) => id !== 'unit')
    },
    'forged has no unit',
  ],
  [
    'a column that the query does not return',
    (one) => {
      const [override] = panel(one, 'stat').fieldConfig?.overrides ?? []
      if (override) override.matcher.options = 'forgery'
    },
    'forgery is no column',
  ],
  ['a link to nothing', (one) => (firstLink(one, 'agent').url = '/d/holdpoint-agent?x'), 'where nothing is'],
  [
    'a link with a value as it is',
    (one) => (firstLink(one, 'agent').url = firstLink(one, 'agent').url.replace(':percentencode', '')),
    'takes agent as it is',
  ],
  [
    'a link with a column that there is not',
    (one) => (firstLink(one, 'agent').url = firstLink(one, 'agent').url.replace('["agent"]', '["agnet"]')),
    'needs agnet',
  ],
  [
    'a link with a variable that the other does not have',
    (one) => (firstLink(one, 'agent').url = firstLink(one, 'agent').url.replace('var-agent', 'var-who')),
    'a who, which it does not know',
  ],
  [
    'a link that forgets the datasource',
    (one) => (firstLink(one, 'agent').url = '/d/holdpoint-agents?var-agent=x'),
    'forgets the datasource',
  ],
  [
    'something that Grafana does not know of a field',
    (one) => (property(one, 'verification', 'mappings').id = 'description'),
    'description is nothing that Grafana knows',
  ],
  [
    'two lines of one colour',
    (one) => {
      const [, first, second] = panel(one, 'timeseries').fieldConfig?.overrides ?? []
      if (first && second) second.properties = first.properties
    },
    'two lines are #D55E00',
  ],
  [
    'a line without a colour of its own',
    (one) => {
      for (const override of panel(one, 'timeseries').fieldConfig?.overrides ?? [])
        override.properties = override.properties.filter(({ id }) => id !== 'color')
    },
    'a line has no colour of its own',
  ],
  [
    'a colour that is one with another to some',
    (one) => {
      property(one, 'verification', 'mappings').value = [{ options: { forged: { color: 'red' } } }]
    },
    'the colour red',
  ],
]

test.for(broken)('dashboards - refused: %s', ([, change, problem]) => {
  const boards = structuredClone(boardsOf(generated))
  change(boards[FILE] as Board)
  expect(shapeProblems(boards, generated).join('\n')).toContain(problem)
})
