import { cardModel, type ShowReply, statusModel, visibleLine, WHOLE_CARD } from '#contract'
import { type Command, defineCommand } from '#runtime'
import { type DeskAccess, withDesk } from '../access.ts'
import { find } from '../find.ts'
import { cardText } from '../terminal/card-text.ts'
import { type Style, terminalOf } from '../terminal/terminal.ts'
import { timelineText } from '../terminal/timeline-text.ts'
import { full, json, request } from './options.ts'

export const show = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests show',
    summary: 'Show a request’s card, and what became of it',
    example: 'holdpoint requests show 1-q5x7',
    positionals: [request],
    options: { full, json },
    run: ({ options, positionals: [id = ''] }, io) =>
      withDesk(access, io, async ({ desk, token }) => {
        const shown = await find(desk, await token(), id)
        if (options.json) {
          io.stdout.write(`${JSON.stringify(shown)}\n`)
          return 0
        }
        const { columns, style } = terminalOf(io.stdout, io.env)
        const parts = [
          renderCard(shown, { isFull: options.full, nowMs: io.now(), columns, style }).text,
          timelineText(shown.timeline, columns, style),
          ...answerable(shown),
        ]
        io.stdout.write(`${parts.join('\n\n')}\n`)
        return 0
      }),
  })

/** The card as it stands on a terminal, and whether all of it does. */
export function renderCard(
  { card, summary }: Pick<ShowReply, 'card' | 'summary'>,
  { isFull, nowMs, columns, style }: { isFull: boolean; nowMs: number; columns: number; style?: Style },
): { text: string; isWhole: boolean } {
  const model = cardModel(card, isFull ? WHOLE_CARD : {})
  return { text: cardText(model, statusModel(summary, nowMs), columns, style), isWhole: model.isWhole }
}

function answerable({ summary, mayReview }: ShowReply): string[] {
  if (summary.state !== 'pending') return []
  if (mayReview.ok) return ['You may answer: holdpoint requests approve or deny.']
  return [`You cannot answer. ${mayReview.code}: ${visibleLine(mayReview.reason)}`]
}
