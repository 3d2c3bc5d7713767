import { actionTitle, type RequestSummary, timeLeftText, visibleLine } from '#contract'
import { plain, type Style } from './terminal.ts'
import { cells, column } from './wrap.ts'

const SHORTEST_ID = 10
const GAP = '  '

/** Requests as aligned columns, a line each. Without a width nothing is shortened. */
export function listLines(
  requests: readonly RequestSummary[],
  nowMs: number,
  { columns = Number.POSITIVE_INFINITY, style = plain }: { columns?: number; style?: Style } = {},
): string[] {
  if (requests.length === 0) return []
  const idLength = columns === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : shortestId(requests)
  const rows = [
    HEADINGS,
    ...requests.map((one) => [
      visibleLine(one.requestId.slice(0, idLength)),
      one.state === 'pending' ? timeLeftText(one.expiresAtMs - nowMs) : one.state,
      one.risk ?? '-',
      actionTitle(one),
      visibleLine(`${one.agent} (${one.environment})`),
      visibleLine(one.rule),
    ]),
  ]
  const widths = fitColumns(rows, columns)
  return rows.map((row, at) => {
    const line = row.map((text, index) => column(text, widths[index] ?? 0)).join(GAP)
    const fitting = (cells(line) > columns ? column(line, columns) : line).trimEnd()
    return at === 0 ? style('dim', fitting) : fitting
  })
}

const HEADINGS = ['REQUEST', 'TIME', 'RISK', 'ACTION', 'AGENT', 'RULE']
/** Those that give way where the terminal is narrow, with the least that they keep. */
const YIELDING = [
  [5, 6],
  [4, 10],
  [3, 12],
] as const

function fitColumns(rows: readonly (readonly string[])[], columns: number): number[] {
  const widths = HEADINGS.map((_, index) => Math.max(...rows.map((row) => cells(row[index] ?? ''))))
  for (const [index, least] of YIELDING) {
    const excess = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - columns
    const width = widths[index] ?? 0
    if (excess > 0) widths[index] = Math.max(Math.min(least, width), width - excess)
  }
  return widths
}

/** As much of the ids as tells those on the list apart. */
function shortestId(requests: readonly RequestSummary[]): number {
  const ids = requests.map(({ requestId }) => requestId)
  const longest = Math.max(...ids.map((id) => id.length))
  for (let length = SHORTEST_ID; length < longest; length++)
    if (new Set(ids.map((id) => id.slice(0, length))).size === new Set(ids).size) return length
  return longest
}
