import { type Asked, type Board, queriesOf } from './board.ts'
import type { Generated } from './generate.ts'
import { interpolate, type Selection } from './interpolate.ts'
import { expandMacros, type TimeRange } from './macros.ts'

/** What ClickHouse gets of a query, for this time and these choices. Throws where Grafana would not, and ought to. */
export const asSent = (
  { rawSql }: Pick<Asked, 'rawSql'>,
  selections: Readonly<Record<string, Selection>>,
  range: TimeRange,
): string => expandMacros(interpolate(rawSql, selections, range), range)

const RANGE = { fromMs: 1_790_000_000_000, toMs: 1_790_600_000_000, intervalMs: 60_000 }

/** All that can be seen without an engine: macros, and how somebody's words get into SQL. */
export function sqlProblems(
  file: string,
  board: Board,
  generated: Pick<Generated, 'expectations'>,
): string[] {
  const selections = Object.fromEntries(
    board.templating.list.map(({ name, type }) => [name, type === 'textbox' ? 'word' : ['one', 'two']]),
  )
  const datasources = [
    ...board.panels.flatMap(({ targets = [] }) => targets),
    ...board.annotations.list.map(({ target }) => target),
  ].filter(({ datasource }) => datasource.uid !== `\${datasource}`)
  return [
    ...datasources.map(({ refId }) => `query ${refId}: asks another datasource than the one that is chosen`),
    ...queriesOf(file, board, generated).flatMap((asked) => [
      ...attempt(() => asSent(asked, selections, RANGE)).map((problem) => `${asked.where}: ${problem}`),
      ...unquoted(asked.rawSql).map((word) => `${asked.where}: ${word} stands outside of quotes`),
      ...[...asked.rawSql.matchAll(/\{\w+:\w+(\(\w+\))?\}/g)]
        .filter(({ index }) => asked.rawSql[index - 1] !== '$')
        .map(([parameter]) => `${asked.where}: nothing stands for the parameter ${parameter}`),
    ]),
  ]
}

/** Percent-encoded words are harmless in a string, and nowhere else. */
const unquoted = (rawSql: string): string[] =>
  [...rawSql.matchAll(/\$\{\w+:[^}]*\}/g)]
    .filter(({ 0: word, index }) => rawSql[index - 1] !== "'" || rawSql[index + word.length] !== "'")
    .map(([word]) => word)

function attempt(work: () => unknown): string[] {
  try {
    work()
    return []
  } catch (error) {
    return [(error as Error).message]
  }
}
