import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MATRIX_DIR } from './matrix.ts'
import { type Cell, POINTS } from './points.ts'

/** What the last committed run of all contracts found. */
export const SNAPSHOT = join(import.meta.dirname, '../../instrumentation/compatibility.json')

export const readSnapshot = (): Cell[] => JSON.parse(readFileSync(SNAPSHOT, 'utf8')) as Cell[]

/** What the contracts have found since they were last run, each framework's last whole run. */
export const readRuns = (): Cell[] =>
  readdirSync(MATRIX_DIR)
    .filter((file) => file.endsWith('.json'))
    .flatMap((file) => JSON.parse(readFileSync(join(MATRIX_DIR, file), 'utf8')) as Cell[])

/** One line for each cell, in an order of its own: a change is one line of a diff. */
export const snapshotOf = (cells: readonly Cell[]): string => `[\n${linesOf(cells).join(',\n')}\n]\n`

export const linesOf = (cells: readonly Cell[]): string[] =>
  cells
    .toSorted((a, b) => compare(a.framework, b.framework) || compare(a.copy, b.copy) || order(a) - order(b))
    .map(
      ({ framework, package: name, version, copy, point, result, note }) =>
        `  ${JSON.stringify({ framework, package: name, version, copy, point, result, note })}`,
    )

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const order = ({ point }: Cell): number => POINTS.indexOf(point)

const ABOUT: Readonly<Record<Cell['point'], string>> = {
  allowed: 'what policy allows runs untouched, with its span',
  held: 'a held call waits, and runs once it is approved',
  'exact-arguments': 'exactly the approved arguments are executed, whatever is changed meanwhile',
  denied: 'a denial reaches the model as a result with code and reason; the tool is never entered',
  expired: 'so does an expiry',
  'timeout-stops': 'the tool’s own timeout does not run while people decide',
  aborted: 'an abort cancels the request, and nothing runs later',
  'client-timeout': 'so does a timeout of the caller',
  'process-death': 'so does the end of the process',
  concurrent: 'the calls of one turn are held independently of each other',
  streaming: 'streamed runs are held as well',
  'own-error': 'the tool’s own error is unchanged',
  captured: 'agent, conversation, call and user are known',
  spans: 'spans follow the GenAI conventions, without duplicates',
  'second-instrumentation': 'a second instrumentation of the same method does not remove the gate',
  'telemetry-off': 'nothing of telemetry that is switched off opens the gate',
  'unsupported-version': 'a version without the methods is refused, one that was not tested is reported',
}

/** The whole table: docs/compatibility.md. */
export function compatibilityPage(cells: readonly Cell[]): string {
  const copies = copiesIn(cells)
  return `# What works with which framework

Made from the tests by \`npm run compatibility\`: every cell is a test that ran against the real package, a real NATS server and a real gate. *limit* is where the framework itself cannot do it; a test shows that, and the note below says what it is.

| | ${copies.map(({ framework }) => framework).join(' | ')} |
|---|${'---|'.repeat(copies.length)}
| package | ${copies.map((one) => `\`${one.package}\` ${one.version}`).join(' | ')} |
| copy | ${copies.map(({ copy }) => copy).join(' | ')} |
${POINTS.map((point) => `| ${point} | ${copies.map(({ of }) => shown(of.get(point))).join(' | ')} |`).join('\n')}

## The points

${POINTS.map((point) => `- **${point}**: ${ABOUT[point]}`).join('\n')}

## Notes

${notesIn(cells).join('\n')}
`
}

/** The short one: the agent's package. */
export function compatibilityTable(cells: readonly Cell[]): string {
  const rows = copiesIn(cells).map(({ package: name, version, copy, of }) => {
    const limits = [...of.values()].filter(({ result }) => result === 'limit').map(({ point }) => point)
    return `| \`${name}\` | ${version} | ${copy} | ${of.size - limits.length} of ${POINTS.length} | ${limits.join(', ')} |`
  })
  return [
    '| Package | Tested | Copy | Points that hold | Its own limits |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

interface Copy extends Pick<Cell, 'framework' | 'package' | 'version' | 'copy'> {
  of: Map<string, Cell>
}

function copiesIn(cells: readonly Cell[]): Copy[] {
  const copies = new Map<string, Copy>()
  for (const cell of cells) {
    const key = `${cell.framework} ${cell.copy}`
    const copy = copies.get(key) ?? { ...cell, of: new Map() }
    copies.set(key, copy)
    copy.of.set(cell.point, cell)
  }
  return [...copies.values()]
}

const shown = (cell: Cell | undefined): string =>
  cell === undefined
    ? '–'
    : `${cell.result === 'works' ? 'yes' : '*limit*'}${cell.note === undefined ? '' : ' †'}`

function notesIn(cells: readonly Cell[]): string[] {
  const notes = new Map<string, string>()
  for (const { framework, point, note } of cells)
    if (note !== undefined) notes.set(`${framework} ${point}`, `- **${framework}, ${point}** †: ${note}`)
  return [...notes.values()]
}
