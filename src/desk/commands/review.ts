import { digestBytes, HoldpointError, type ShowReply } from '#contract'
import { type Command, defineCommand, isConfirmed } from '#runtime'
import { type DeskAccess, withDesk } from '../access.ts'
import { find } from '../find.ts'
import { submitReview, submittedText } from '../submit.ts'
import { terminalOf } from '../terminal/terminal.ts'
import { RELEASE } from './confirm.ts'
import { full, json, reason, request } from './options.ts'
import { renderCard } from './show.ts'

export const approve = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests approve',
    summary: 'Release a held action',
    details:
      'Shows the card and asks; your review quotes that card and no other. What does not fit has to be shown with\n' +
      '--full. Without a terminal it needs --yes, from whoever has shown the card to a person by other means.',
    example: 'holdpoint requests approve 1-q5x7 --reason "ticket 4711"',
    positionals: [request],
    options: {
      reason,
      full,
      yes: { type: 'boolean', description: 'Do not ask: a person has seen the card' },
      json,
    },
    run: ({ options, positionals: [id = ''] }, io) =>
      withDesk(access, io, async ({ desk, token }) => {
        const shown = await find(desk, await token(), id)
        const { columns, style } = terminalOf(io.stderr, io.env)
        const view = { isFull: options.full, nowMs: io.now(), columns }
        const { text, isWhole } = renderCard(shown, view)
        io.stderr.write(`${renderCard(shown, { ...view, style }).text}\n\n`)
        refuseDecided(shown)
        // The broker will say it again; nobody should confirm for nothing.
        if (!shown.mayReview.ok) throw new HoldpointError(shown.mayReview.code, shown.mayReview.reason)
        if (!isWhole) {
          io.stderr.write(
            'Not all of the card stands here. Nobody approves what they have not been shown: say --full.\n',
          )
          return 1
        }
        if (!options.yes && !(await isConfirmed(io, RELEASE))) return 1
        const reply = await submitReview(desk, await token(), shown, {
          verdict: 'approve',
          reason: options.reason,
          rendition: digestBytes(text),
        })
        io.stdout.write(options.json ? `${JSON.stringify(reply)}\n` : `${submittedText(reply)}\n`)
        return 0
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
      withDesk(access, io, async ({ desk, token }) => {
        const shown = await find(desk, await token(), id)
        const reply = await submitReview(desk, await token(), shown, {
          verdict: 'deny',
          reason: options.reason,
        })
        io.stdout.write(options.json ? `${JSON.stringify(reply)}\n` : `${submittedText(reply)}\n`)
        return 0
      }),
  })

/** Nobody reads a card and answers for nothing. */
function refuseDecided({ summary: { requestId, state } }: ShowReply): void {
  if (state !== 'pending') throw new HoldpointError('ALREADY_DECIDED', `${requestId} is ${state}`)
}
