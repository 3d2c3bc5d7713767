import { type Command, defineCommand } from '#runtime'
import { type DeskAccess, find, withDesk } from './access.ts'
import { cardText } from './card-text.ts'
import { json, request } from './options.ts'
import { approve, deny } from './review-commands.ts'
import { summaryText } from './summary-text.ts'

/** `holdpoint requests …`: the reviewer at a terminal. */
export function requestsCommands(access: DeskAccess): Command[] {
  return [list(access), show(access), approve(access), deny(access)]
}

const list = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests list',
    summary: 'List what waits for a decision',
    example: 'holdpoint requests list',
    options: { all: { type: 'boolean', description: 'Decided ones too' }, json },
    run: ({ options }, io) =>
      withDesk(access, io, async (desk, token) => {
        const { requests } = await desk.list(token, { state: options.all ? 'all' : 'pending', limit: 200 })
        io.stdout.write(
          options.json ? `${JSON.stringify({ requests })}\n` : requests.map(summaryText(io.now())).join(''),
        )
        if (requests.length === 0 && !options.json) io.stderr.write('Nothing waits for a decision.\n')
        return 0
      }),
  })

const show = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests show',
    summary: 'Show a request’s card',
    example: 'holdpoint requests show 1-q5x7',
    positionals: [request],
    options: { json },
    run: ({ options, positionals: [id = ''] }, io) =>
      withDesk(access, io, async (desk, token) => {
        const shown = await find(desk, token, id)
        io.stdout.write(
          options.json ? `${JSON.stringify(shown)}\n` : `${cardText(shown.card, shown.summary)}\n`,
        )
        return 0
      }),
  })
