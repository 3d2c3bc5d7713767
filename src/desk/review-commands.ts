import { createInterface } from 'node:readline/promises'
import { HoldpointError, type ShowReply, type Verdict } from '#contract'
import { type Command, defineCommand, type Io } from '#runtime'
import { type DeskAccess, find, withDesk } from './access.ts'
import { cardText } from './card-text.ts'
import type { Desk } from './desk.ts'
import { json, reason, request } from './options.ts'

export const approve = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests approve',
    summary: 'Release a held action',
    details:
      'Shows the card and asks; your review quotes that card and no other. Without a terminal it needs --yes,\n' +
      'from whoever has shown the card to a person by other means.',
    example: 'holdpoint requests approve 1-q5x7 --reason "ticket 4711"',
    positionals: [request],
    options: {
      reason,
      yes: { type: 'boolean', description: 'Do not ask: a person has seen the card' },
      json,
    },
    run: ({ options, positionals: [id = ''] }, io) =>
      withDesk(access, io, async (desk, token) => {
        const shown = await find(desk, token, id)
        io.stderr.write(`${cardText(shown.card, shown.summary)}\n\n`)
        const { requestId, state } = shown.summary
        // Nobody reads a card and answers for nothing.
        if (state !== 'pending') throw new HoldpointError('ALREADY_DECIDED', `${requestId} is ${state}`)
        if (!options.yes && !(await isConfirmed(io))) return 1
        return submit(desk, token, shown, { ...options, verdict: 'approve' }, io)
      }),
  })

export const deny = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests deny',
    summary: 'Refuse a held action',
    example: 'holdpoint requests deny 1-q5x7 --reason "use the masked export"',
    positionals: [request],
    options: { reason, json },
    run: ({ options, positionals: [id = ''] }, io) =>
      withDesk(access, io, async (desk, token) =>
        submit(desk, token, await find(desk, token, id), { ...options, verdict: 'deny' }, io),
      ),
  })

async function submit(
  desk: Desk,
  token: string,
  { card: { requestId }, renderHash }: ShowReply,
  { verdict, reason, json }: { verdict: Verdict; reason?: string | undefined; json: boolean },
  io: Io,
): Promise<0> {
  const words = reason === undefined ? {} : { reason }
  const { state, missing } = await desk.review({
    requestId,
    verdict,
    renderHash,
    channel: 'cli',
    token,
    ...words,
  })
  const rest = state === 'pending' ? `, ${missing} more to go` : ''
  io.stdout.write(
    json ? `${JSON.stringify({ requestId, state, missing })}\n` : `${requestId} is ${state}${rest}\n`,
  )
  return 0
}

/** Nobody approves what they have not been shown: at a terminal it is asked after the card, elsewhere not at all. */
async function isConfirmed(io: Io): Promise<boolean> {
  if (!io.stdin.isTTY) {
    io.stderr.write('Nobody is here to read this card: say --yes once a person has.\n')
    return false
  }
  const terminal = createInterface({ input: io.stdin, output: io.stderr })
  const answer = await new Promise<string>((resolve) => {
    // Ctrl-C, Ctrl-D, or a signal: an answer that was not given releases nothing.
    const none = (): void => resolve('\n')
    // Later, since an answer and the end of the input may come at once.
    terminal.once('close', () => setImmediate(none))
    terminal.question('Release this action? [y/N] ', { signal: io.signal }).then(resolve, none)
  }).finally(() => terminal.close())
  if (/^y(es)?$/i.test(answer.trim())) return true
  io.stderr.write(`${answer === '\n' ? '\n' : ''}Not released: it still waits for a decision.\n`)
  return false
}
