import { type FreezeReply, isoTime } from '#contract'
import { type Command, defineCommand } from '#runtime'
import { type DeskAccess, withDesk } from '../access.ts'
import { wrongUsage } from './list.ts'
import { json } from './options.ts'

const agent = {
  name: 'AGENT',
  description: 'The agent’s id, as in its registration',
  optional: true,
} as const

export const freeze = (access: DeskAccess): Command =>
  freezing(access, {
    name: 'freeze',
    frozen: true,
    summary: 'Stop an agent, or every agent, at once',
    details:
      'For whomever policy gives the duty `freeze`. Whatever the agent attempts from now on is refused, also what policy\n' +
      'allows; what waits is cancelled, approvals that nobody has used are revoked. It is recorded, and an alarm goes\n' +
      'out. Only another person ends it: `holdpoint thaw`.',
    example: 'holdpoint freeze support-agent --reason "leaked credentials, incident 4711"',
    all: 'Every agent',
  })

export const thaw = (access: DeskAccess): Command =>
  freezing(access, {
    name: 'thaw',
    frozen: false,
    summary: 'Let a frozen agent, or all of them, act again',
    details:
      'For whomever policy gives the duty `freeze`: another person than the one who froze it, and not the agent’s owner.\n' +
      'What the freeze ended stays ended. Where all are frozen, --all ends that; an agent frozen by itself stays so.',
    example: 'holdpoint thaw support-agent --reason "credentials replaced"',
    all: 'End the freeze of every agent',
  })

interface Words {
  name: 'freeze' | 'thaw'
  frozen: boolean
  summary: string
  details: string
  example: string
  all: string
}

const freezing = (access: DeskAccess, { all, frozen, ...words }: Words): Command =>
  defineCommand({
    ...words,
    positionals: [agent],
    options: {
      all: { type: 'boolean', description: all },
      reason: { type: 'string', value: 'TEXT', description: 'Why; the ledger keeps its digest' },
      json,
    },
    async run({ options: { all, reason, json }, positionals: [agentId] }, io) {
      if ((agentId === undefined) !== all) return wrongUsage(io, 'give an AGENT, or --all')
      return withDesk(access, io, async ({ desk, token }) => {
        const reply = await desk.freeze({
          token: await token(),
          frozen,
          channel: 'cli',
          ...(agentId === undefined ? {} : { agentId }),
          ...(reason === undefined || reason === '' ? {} : { reason }),
        })
        io.stdout.write(json ? `${JSON.stringify(reply)}\n` : `${frozenText(reply)}\n`)
        if (frozen && !json)
          io.stderr.write(`Another person ends it: holdpoint thaw ${reply.agentId ?? '--all'}\n`)
        return 0
      })
    },
  })

/** What happened, and what came of it. */
export function frozenText({ agentId, frozen, sinceMs, cancelled, revoked }: FreezeReply): string {
  const who = agentId ?? 'every agent'
  if (!frozen) return `${who} may act again, since ${isoTime(sinceMs)}`
  const requests = `${cancelled} waiting ${cancelled === 1 ? 'request' : 'requests'} cancelled`
  return `${who} is frozen since ${isoTime(sinceMs)}: ${requests}, ${revoked} unused ${revoked === 1 ? 'approval' : 'approvals'} revoked`
}
