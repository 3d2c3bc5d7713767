import type { Board, BoardPanel, Boards } from './board.ts'
import type { Column, Generated } from './generate.ts'
import { linkProblems } from './links.ts'
import { sqlProblems } from './sql.ts'
import { variableProblems } from './variables.ts'

/** Everything that is wrong with dashboards beside their types and what their queries return, a sentence each. */
export function shapeProblems(boards: Boards, generated: Pick<Generated, 'expectations'>): string[] {
  const all = Object.entries(boards)
  return [
    ...repeated(all.map(([, { uid }]) => uid)).map((uid) => `uid ${uid}: two dashboards have it`),
    ...repeated(all.map(([, { title }]) => title)).map((title) => `title ${title}: two dashboards have it`),
    ...all.flatMap(([file, board]) =>
      [
        ...idProblems(board),
        ...gridProblems(board),
        ...variableProblems(board),
        ...sqlProblems(file, board, generated),
        ...linkProblems(file, board, boards, generated),
        ...board.panels.flatMap((panel) => wordProblems(file, panel, generated)),
        ...colourProblems(board),
      ].map((problem) => `${file}: ${problem}`),
    ),
  ]
}

const repeated = <T>(values: readonly T[]): T[] =>
  [...new Set(values)].filter((value) => values.filter((other) => other === value).length > 1)

function idProblems({ uid, panels }: Board): string[] {
  const named = panels.filter(({ type }) => type !== 'row')
  return [
    ...(/^[a-z][a-z0-9-]{2,39}$/.test(uid) ? [] : [`uid ${uid}: Grafana takes up to 40 characters`]),
    ...repeated(panels.map(({ id }) => id)).map((id) => `id ${id}: two panels have it`),
    ...panels.filter(({ id }) => !(id > 0)).map(({ title }) => `${title}: has no id`),
    ...repeated(named.map(({ title }) => title)).map((title) => `${title}: two panels are called so`),
    ...panels.flatMap(({ title, targets = [] }) =>
      repeated(targets.map(({ refId }) => refId)).map((refId) => `${title}: two queries are ${refId}`),
    ),
  ]
}

const COLUMNS = 24

function gridProblems({ panels }: Board): string[] {
  const outside = panels
    .filter(({ gridPos: { x, y, w, h } }) => x < 0 || y < 0 || w < 1 || h < 1 || x + w > COLUMNS)
    .map(({ title }) => `${title}: stands outside of the ${COLUMNS} columns`)
  const overlapping = panels.flatMap((one, at) =>
    panels
      .slice(at + 1)
      .filter((other) => overlap(one, other))
      .map((other) => `${one.title}: lies over ${other.title}`),
  )
  return [...outside, ...overlapping]
}

const overlap = ({ gridPos: one }: BoardPanel, { gridPos: other }: BoardPanel): boolean =>
  one.x < other.x + other.w && other.x < one.x + one.w && one.y < other.y + other.h && other.y < one.y + one.h

/** People have to know what they see: words, units, and what it means that there is nothing. */
function wordProblems(
  file: string,
  panel: BoardPanel,
  { expectations }: Pick<Generated, 'expectations'>,
): string[] {
  const { id, type, title, description = '', fieldConfig, targets = [] } = panel
  if (type === 'row') return []
  const problems = [
    ...(title.trim() === '' ? [`panel ${id}: has no title`] : []),
    ...(description.trim().length < 15 ? [`${title}: has no description`] : []),
  ]
  if (targets.length === 0) return problems
  const { defaults, overrides } = fieldConfig ?? { defaults: {}, overrides: [] }
  if ((defaults.noValue ?? '').trim() === '') problems.push(`${title}: says nothing where there is nothing`)
  const columns = expectations
    .filter((one) => one.file === file && 'panel' in one.place && one.place.panel === id)
    .flatMap((one) => one.columns)
  if (columns.length === 0) problems.push(`${title}: nobody says what its query returns`)
  for (const { name, kind } of columns) {
    const unit = overrides
      .filter(({ matcher }) => matcher.id === 'byName' && matcher.options === name)
      .flatMap(({ properties }) => properties)
      .find(({ id }) => id === 'unit')?.value
    if (kind === 'number' && (unit ?? defaults.unit ?? '') === '')
      problems.push(`${title}: ${name} has no unit`)
  }
  problems.push(...propertyProblems(panel), ...lineProblems(panel, columns))
  const stale = overrides.filter(
    ({ matcher }) => matcher.id === 'byName' && !columns.some(({ name }) => name === matcher.options),
  )
  return [
    ...problems,
    ...stale.map(({ matcher }) => `${title}: ${matcher.options} is no column of its query`),
  ]
}

/** What Grafana knows of a field; anything else it drops without a word. */
const PROPERTIES =
  /^(unit|min|max|fieldMinMax|decimals|displayName|color|noValue|links|actions|mappings|thresholds|filterable|custom\.\w+)$/

const propertyProblems = ({ title, fieldConfig }: BoardPanel): string[] =>
  [...new Set((fieldConfig?.overrides ?? []).flatMap(({ properties }) => properties.map(({ id }) => id)))]
    .filter((id) => !PROPERTIES.test(id))
    .map((id) => `${title}: ${id} is nothing that Grafana knows of a field`)

/** Lines and bars have no words beside them: each has a colour of its own. */
function lineProblems({ title, type, fieldConfig }: BoardPanel, columns: readonly Column[]): string[] {
  if (type !== 'timeseries' && type !== 'barchart') return []
  const colours = columns
    .filter(({ kind }) => kind === 'number')
    .map(({ name }) => {
      const properties =
        fieldConfig?.overrides.find(({ matcher }) => matcher.options === name)?.properties ?? []
      const { fixedColor } = (properties.find(({ id }) => id === 'color')?.value ?? {}) as {
        fixedColor?: string
      }
      return fixedColor
    })
  return [
    ...(colours.includes(undefined) ? [`${title}: a line has no colour of its own`] : []),
    ...repeated(colours.filter((colour) => colour !== undefined)).map(
      (colour) => `${title}: two lines are ${colour}`,
    ),
  ]
}

/** Of Okabe and Ito, and two greys: other colours may be one colour to somebody. */
const COLOURS = ['E69F00', '56B4E9', '009E73', 'F0E442', '0072B2', 'D55E00', 'CC79A7', 'BBBBBB', '4D4D4D']

function colourProblems(board: Board): string[] {
  const text = JSON.stringify(board)
  const values = [
    ...text.matchAll(/"(?:fixedColor|color|iconColor)":"([^"]*)"/g),
    ...text.matchAll(/"(#[0-9A-Fa-f]{3,8})"/g),
  ].map(([, value = '']) => value)
  return (
    [...new Set(values)]
      // The theme's own colour of a text is readable in every theme.
      .filter((value) => value !== 'text' && !COLOURS.some((colour) => `#${colour}` === value))
      .map((value) => `the colour ${value} is none of those that everybody can tell apart`)
  )
}
