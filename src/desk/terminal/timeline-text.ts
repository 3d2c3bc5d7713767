import { isoTime, type TimelineEntry, visibleLine } from '#contract'
import { plain, type Style } from './terminal.ts'
import { wrap } from './wrap.ts'

/** What became of a request, an entry of the ledger to a line. Reasons are people's own words. */
export function timelineText(
  timeline: readonly TimelineEntry[],
  columns: number,
  style: Style = plain,
): string {
  return [
    style('bold', 'What became of it'),
    ...timeline.flatMap((entry) => entryLines(entry, columns, style)),
  ].join('\n')
}

/** It came when the decision was made already. */
const LATE = ', too late: without effect'

function entryLines(
  { atMs, what, people, reason, errorType, index, late }: TimelineEntry,
  columns: number,
  style: Style,
) {
  const who = people.map(({ name, sub, channel, assurance }) => `${name} (${sub}, ${channel}, ${assurance})`)
  const by = who.length === 0 ? '' : ` by ${who.join(', ')}`
  const error = errorType === undefined ? '' : `: ${errorType}`
  const head = `  ${style('dim', isoTime(atMs))}  `
  const [first = '', ...rest] = wrap(visibleLine(`${what}${by}${error}${late ? LATE : ''}`), columns - 28)
  return [
    `${head}${first}`,
    ...rest.map((line) => `${' '.repeat(26)}┆ ${line}`),
    ...(reason === undefined
      ? []
      : wrap(visibleLine(reason), columns - 30).map((line) => `${' '.repeat(26)}“ ${line}`)),
    style('dim', `${' '.repeat(28)}ledger entry ${index}`),
  ]
}
