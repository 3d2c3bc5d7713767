import { type Board, boardsOf } from './board.ts'
import type { Generated } from './generate.ts'

interface Described extends Board {
  description: string
  templating: {
    list: (Board['templating']['list'][number] & { label?: string; description?: string; hide?: number })[]
  }
}

/** What each panel of each dashboard tells, as a section of a page in Markdown. */
export function panelsText(generated: Pick<Generated, 'files'>): string {
  const boards = Object.values(boardsOf(generated)) as Described[]
  return boards
    .toSorted((one, other) => ORDER.indexOf(one.uid) - ORDER.indexOf(other.uid))
    .map(boardText)
    .join('\n\n')
}

/** As somebody who looks into an incident goes through them. */
const ORDER = ['who-acted', 'action', 'violations', 'agents', 'approvals', 'itself'].map(
  (name) => `holdpoint-${name}`,
)

const boardText = ({ title, description, templating, panels }: Described): string =>
  [
    `### ${title}`,
    description,
    templating.list
      .filter(({ hide }) => hide !== 2)
      .map(({ label, description: what = '' }) => `*${label}*: ${what}`)
      .join(' '),
    [
      '| Panel | What it tells |',
      '|---|---|',
      ...panels
        .filter(({ type }) => type !== 'row')
        .map((panel) => `| **${cell(panel.title)}** | ${cell(panel.description ?? '')} |`),
    ].join('\n'),
  ].join('\n\n')

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').trim()
