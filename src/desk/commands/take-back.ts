import { actionTitle, isoTime, visibleLine } from '#contract'
import { type Command, defineCommand, isConfirmed } from '#runtime'
import { type DeskAccess, withDesk } from '../access.ts'
import { find, locate } from '../find.ts'
import { json, request } from './options.ts'

/** What ends a request that nobody has to review any more. The broker decides who may. */
export const cancel = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests cancel',
    summary: 'Take back a request of an agent that is yours, or acts for you',
    example: 'holdpoint requests cancel 1-q5x7',
    positionals: [request],
    options: { json },
    run: ({ options, positionals: [id = ''] }, io) =>
      withDesk(access, io, async ({ desk, token }) => {
        const { requestId } = (await find(desk, await token(), id)).card
        const { state } = await desk.cancel({ requestId, channel: 'cli', token: await token() })
        io.stdout.write(
          options.json ? `${JSON.stringify({ requestId, state })}\n` : `${requestId} is ${state}\n`,
        )
        return 0
      }),
  })

export const revoke = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests revoke',
    summary: 'Take back an approval that has not been used yet',
    details: 'For whoever could have reviewed the request. What has been used cannot be taken back.',
    example: 'holdpoint requests revoke 1-q5x7',
    positionals: [request],
    options: { json },
    run: ({ options, positionals: [id = ''] }, io) =>
      withDesk(access, io, async ({ desk, token }) => {
        const requestId = (await locate(desk, await token(), id))?.requestId ?? id
        const { state } = await desk.revoke({ requestId, channel: 'cli', token: await token() })
        io.stdout.write(
          options.json
            ? `${JSON.stringify({ requestId, state })}\n`
            : `${requestId} is ${state}: its approval releases nothing any more\n`,
        )
        return 0
      }),
  })

export const erase = (access: DeskAccess): Command =>
  defineCommand({
    name: 'erase',
    summary: 'Make a request’s arguments, card and reasons unreadable, for good',
    details:
      'For whomever policy gives the duty `erase`. The ledger keeps who decided what and when, and still verifies;\n' +
      'nobody can read any more what it was about. It asks first; without a terminal it needs --yes.',
    example: 'holdpoint erase 1-q5x7 --yes',
    positionals: [request],
    options: { yes: { type: 'boolean', description: 'Do not ask' }, json },
    run: ({ options, positionals: [id = ''] }, io) =>
      withDesk(access, io, async ({ desk, token }) => {
        const found = await locate(desk, await token(), id)
        const requestId = found?.requestId ?? id
        const what = found
          ? `, ${actionTitle(found)}, asked by ${visibleLine(found.agent)}, ${found.state}`
          : ''
        io.stderr.write(`${visibleLine(requestId)}${what}\n`)
        if (!options.yes && !(await isConfirmed(io, ERASE))) return 1
        const { erasedAtMs } = await desk.erase({ requestId, channel: 'cli', token: await token() })
        io.stdout.write(
          options.json
            ? `${JSON.stringify({ requestId, erasedAtMs })}\n`
            : `${requestId} was erased at ${isoTime(erasedAtMs)}: arguments, card and reasons are gone, the ledger is not\n`,
        )
        return 0
      }),
  })

const ERASE = {
  asks: 'Erase what it was about? Nobody can undo that.',
  nobody: 'Nobody is here to be asked: say --yes.',
  no: 'Not erased.',
}
