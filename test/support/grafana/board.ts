import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Column, DASHBOARDS, type Generated } from './generate.ts'

/** What the checks look at in a dashboard. */
export interface Board {
  uid: string
  title: string
  panels: BoardPanel[]
  templating: { list: Variable[] }
  annotations: { list: { name: string; target: Target }[] }
  links: { url: string }[]
}

export interface BoardPanel {
  id: number
  type: string
  title: string
  description?: string
  gridPos: { x: number; y: number; w: number; h: number }
  targets?: Target[]
  fieldConfig?: {
    defaults: { noValue?: string; unit?: string }
    overrides: {
      matcher: { id: string; options: string }
      properties: { id: string; value: unknown }[]
    }[]
  }
}

export interface Target {
  refId: string
  rawSql: string
  datasource: { type: string; uid: string }
}

export interface Variable {
  name: string
  type: string
  query: string
}

export type Boards = Record<string, Board>

/** Of what is generated, the dashboards: the rest is alerts. */
export const boardsOf = ({ files }: Pick<Generated, 'files'>): Boards =>
  Object.fromEntries(
    Object.entries(files).filter(([, content]) => Array.isArray((content as Partial<Board>).panels)),
  ) as Boards

/** As they are committed. */
export const committedFiles = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(join(DASHBOARDS, 'out')).map((name) => [
      name,
      readFileSync(join(DASHBOARDS, 'out', name), 'utf8'),
    ]),
  )

/** Every query of a dashboard that ClickHouse gets, with where it stands; `columns` where they are known. */
export interface Asked {
  file: string
  where: string
  rawSql: string
  columns?: Column[]
}

export function queriesOf(
  file: string,
  board: Board,
  { expectations }: Pick<Generated, 'expectations'>,
): Asked[] {
  const here = expectations.filter((one) => one.file === file)
  const panels = board.panels.flatMap(({ id, title, targets = [] }) =>
    targets.map(({ refId, rawSql }) => ({
      file,
      where: `${title} (${refId})`,
      rawSql,
      columns: here.find(({ place }) => 'panel' in place && place.panel === id && place.refId === refId)
        ?.columns,
    })),
  )
  const annotations = board.annotations.list.map(({ name, target }) => ({
    file,
    where: name,
    rawSql: target.rawSql,
    columns: here.find(({ place }) => 'annotation' in place && place.annotation === name)?.columns,
  }))
  const variables = board.templating.list
    .filter(({ type }) => type === 'query')
    .map(({ name, query }) => ({ file, where: `variable ${name}`, rawSql: query, columns: undefined }))
  return [...panels, ...annotations, ...variables].map(({ columns, ...asked }) =>
    columns === undefined ? asked : { ...asked, columns },
  )
}
