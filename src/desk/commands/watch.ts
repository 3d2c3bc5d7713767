import { type Command, defineCommand } from '#runtime'
import { type DeskAccess, withDesk } from '../access.ts'
import { find } from '../find.ts'
import { terminalOf } from '../terminal/terminal.ts'
import { watchInteractively } from '../watch/interactive.ts'
import { watchOne } from '../watch/one.ts'
import { watchInLines } from '../watch/plain.ts'
import { wrongUsage } from './list.ts'
import { filterOf, filters, full, json, request } from './options.ts'

/** Events come at once; this finds those that were lost. */
const RELIST_MS = 5_000

export const watch = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests watch',
    summary: 'Follow what waits for a decision, and answer it; or one request until it is decided',
    details:
      'At a terminal: a live list; arrows or j and k move, Enter shows the card, a approves, d denies with a reason,\n' +
      'q ends. Elsewhere a line for each thing that happens, beginning with what waits already.\n' +
      'With a REQUEST: its card and its live status; exit code 0 once it is approved, 1 where it is not.',
    example: 'holdpoint requests watch --mine',
    positionals: [{ ...request, optional: true }],
    options: { ...filters, full, json: { ...json, description: 'One JSON object to a line' } },
    async run({ options, positionals: [id] }, io) {
      const { json } = options
      const read = filterOf(options)
      if ('problem' in read) return wrongUsage(io, read.problem)
      if (id !== undefined && Object.keys(read.filter).length > 0)
        return wrongUsage(io, 'a REQUEST is watched by itself: leave the filters out')
      return withDesk(access, io, async (signedIn) => {
        if (id !== undefined) {
          const shown = await find(signedIn.desk, await signedIn.token(), id)
          return watchOne(signedIn, shown, io, { json, isFull: options.full, relistMs: RELIST_MS })
        }
        const isAttended = io.stdin.isTTY === true && terminalOf(io.stdout, io.env).isTty
        return isAttended && !json
          ? watchInteractively(signedIn, read.filter, io, RELIST_MS)
          : watchInLines(signedIn, read.filter, io, { json, relistMs: RELIST_MS })
      })
    },
  })
