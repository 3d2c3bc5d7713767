import { type Command, defineCommand, type Io } from '#runtime'
import { type DeskAccess, withDesk } from '../access.ts'
import { listLines } from '../terminal/list-text.ts'
import { terminalOf } from '../terminal/terminal.ts'
import { filterOf, filters, json } from './options.ts'

export const list = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests list',
    summary: 'List what waits for a decision',
    details:
      'Oldest first while they wait, newest first otherwise. At a terminal, columns are shortened to fit.',
    example: 'holdpoint requests list --environment prod --risk high',
    options: {
      ...filters,
      all: { type: 'boolean', description: 'Decided ones too' },
      decided: { type: 'boolean', description: 'Decided ones only' },
      limit: { type: 'string', value: 'N', description: 'At most so many, 1 to 200', default: '50' },
      cursor: { type: 'string', value: 'CURSOR', description: 'Where the page before ended' },
      json,
    },
    async run({ options }, io) {
      const { all, decided, cursor } = options
      const read = filterOf(options)
      if ('problem' in read) return wrongUsage(io, read.problem)
      if (all && decided) return wrongUsage(io, '--all and --decided exclude each other')
      const limit = Number(options.limit)
      if (!/^\d{1,3}$/.test(options.limit) || limit < 1 || limit > 200)
        return wrongUsage(
          io,
          `--limit ${JSON.stringify(options.limit)}: expected a whole number from 1 to 200`,
        )
      const query = {
        ...read.filter,
        state: all ? 'all' : decided ? 'decided' : 'pending',
        limit,
        ...(cursor === undefined ? {} : { cursor }),
      } as const
      return withDesk(access, io, async ({ desk, token }) => {
        const page = await desk.list(await token(), query)
        if (options.json) io.stdout.write(`${JSON.stringify(page)}\n`)
        else {
          const { isTty, columns, style } = terminalOf(io.stdout, io.env)
          const lines = listLines(page.requests, io.now(), isTty ? { columns, style } : {})
          io.stdout.write(lines.map((line) => `${line}\n`).join(''))
          if (page.requests.length === 0) io.stderr.write(`${nothing(query.state)}\n`)
          if (page.next !== undefined)
            io.stderr.write(
              `${page.requests.length} of ${page.total}; for the next page add --cursor ${page.next}\n`,
            )
        }
        return 0
      })
    },
  })

const nothing = (state: 'all' | 'decided' | 'pending'): string =>
  state === 'pending' ? 'Nothing waits for a decision.' : 'There is no such request.'

export function wrongUsage(io: Io, problem: string): 2 {
  io.stderr.write(`${problem}\n`)
  return 2
}
