import type { Board, Boards } from './board.ts'
import type { Generated } from './generate.ts'

/** Where clicks lead: to a dashboard that is there, with variables that it has, and values that are encoded. */
export function linkProblems(
  file: string,
  board: Board,
  boards: Boards,
  { expectations }: Pick<Generated, 'expectations'>,
): string[] {
  const fromPanels = board.panels.flatMap((panel) => {
    const columns = expectations
      .filter((one) => one.file === file && 'panel' in one.place && one.place.panel === panel.id)
      .flatMap((one) => one.columns.map(({ name }) => name))
    const links = (panel.fieldConfig?.overrides ?? [])
      .flatMap(({ properties }) => properties)
      .filter(({ id }) => id === 'links')
      .flatMap(({ value }) => value as { url: string }[])
    return links.flatMap(({ url }) =>
      [...valueProblems(url, columns), ...placeProblems(url, boards)].map(
        (problem) => `${panel.title}: ${problem}`,
      ),
    )
  })
  return [...fromPanels, ...board.links.flatMap(({ url }) => placeProblems(url, boards))]
}

const valueProblems = (url: string, columns: readonly string[]): string[] =>
  [...url.matchAll(/\$\{__data\.fields\["([^"]*)"\](:\w+)?\}/g)].flatMap(([, name = '', format]) => [
    ...(columns.includes(name) ? [] : [`a link needs ${name}, which is no column of its query`]),
    ...(format === ':percentencode' ? [] : [`a link takes ${name} as it is`]),
  ])

function placeProblems(url: string, boards: Boards): string[] {
  if (url.startsWith(`\${console}/`)) return []
  const [, uid, query = ''] = /^\/d\/([\w-]+)\?(.*)$/.exec(url) ?? []
  const there = Object.values(boards).find((board) => board.uid === uid)
  if (there === undefined) return [`a link leads to ${url}, where nothing is`]
  const unknown = [...query.matchAll(/var-(\w+)=/g)]
    .map(([, name = '']) => name)
    .filter((name) => !there.templating.list.some((variable) => variable.name === name))
  return [
    ...unknown.map((name) => `a link gives ${there.title} a ${name}, which it does not know`),
    ...(query.includes(`\${datasource:queryparam}`)
      ? []
      : [`a link to ${there.title} forgets the datasource`]),
  ]
}
