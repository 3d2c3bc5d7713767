import { HoldpointError, type RequestSummary, type ShowReply, type Verdict } from '#contract'
import { type Command, type Config, defineCommand, type Io, readConfig, requireRunning } from '#runtime'
import { cardText, visible } from './card-text.ts'
import { connectDesk } from './connect.ts'
import { createDesk, type Desk } from './desk.ts'

/** What the commands need of the machine they run on: where the broker is, and who is signed in. */
export interface DeskAccess {
  /** Throws UNAUTHENTICATED, saying how to sign in. */
  token(io: Io, dataDir: string): string
  /** The desk's NATS credentials. */
  credentials(config: Config): string
}

const json = { type: 'boolean', description: 'One JSON object on the last line of standard output' } as const
const request = {
  name: 'REQUEST',
  description: 'The request’s id, or enough of it to be the only one',
} as const

/** `holdpoint requests …`: the reviewer at a terminal. */
export function requestsCommands(access: DeskAccess): Command[] {
  return [list(access), show(access), decide(access, 'approve'), decide(access, 'deny')]
}

const list = (access: DeskAccess): Command =>
  defineCommand({
    name: 'requests list',
    summary: 'List what waits for a decision',
    example: 'holdpoint requests list',
    options: { all: { type: 'boolean', description: 'Decided ones too' }, json },
    run: ({ options }, io) =>
      withDesk(access, io, async (desk, token) => {
        const requests = await desk.list(token, options.all ? 'all' : 'pending')
        io.stdout.write(
          options.json ? `${JSON.stringify({ requests })}\n` : requests.map(line(io.now())).join(''),
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

const decide = (access: DeskAccess, verdict: Verdict): Command =>
  defineCommand({
    name: `requests ${verdict}`,
    summary: verdict === 'approve' ? 'Release a held action' : 'Refuse a held action',
    details: 'Shows the card, then submits your review, which quotes that card and no other.',
    example: `holdpoint requests ${verdict} 1-q5x7 --reason "${verdict === 'approve' ? 'ticket 4711' : 'use the masked export'}"`,
    positionals: [request],
    options: {
      reason: { type: 'string', value: 'TEXT', description: 'Why; a denial’s reason goes back to the agent' },
      json,
    },
    run: ({ options, positionals: [id = ''] }, io) =>
      withDesk(access, io, async (desk, token) => {
        const { card, summary, renderHash } = await find(desk, token, id)
        io.stderr.write(`${cardText(card, summary)}\n\n`)
        const { requestId } = card
        const { reason } = options
        const review = {
          requestId,
          verdict,
          renderHash,
          channel: 'cli',
          token,
          ...(reason === undefined ? {} : { reason }),
        }
        const { state, missing } = await desk.review(review)
        const rest = state === 'pending' ? `, ${missing} more to go` : ''
        io.stdout.write(
          options.json
            ? `${JSON.stringify({ requestId, state, missing })}\n`
            : `${requestId} is ${state}${rest}\n`,
        )
        return 0
      }),
  })

/** The one request whose id starts so. Ambiguity is refused: a review must never land on another request. */
async function find(desk: Desk, token: string, id: string): Promise<ShowReply> {
  const matches = (await desk.list(token, 'all')).filter(({ requestId }) => requestId.startsWith(id))
  const [match, ...others] = matches
  if (!match) throw new HoldpointError('UNKNOWN_REQUEST', `${id}: no such request`)
  if (others.length > 0)
    throw new HoldpointError(
      'UNKNOWN_REQUEST',
      `${id}: ${matches.length} requests begin so; give more of the id`,
    )
  return desk.show(token, match.requestId)
}

async function withDesk(
  access: DeskAccess,
  io: Io,
  work: (desk: Desk, token: string) => Promise<0 | 1>,
): Promise<0 | 1> {
  const config = readConfig(io)
  const { dataDir, nats } = config
  const token = access.token(io, dataDir)
  const nc = await connectDesk(nats.url ?? requireRunning(dataDir).nats.url, access.credentials(config))
  try {
    return await work(createDesk({ nc }), token)
  } finally {
    await nc.close()
  }
}

const line =
  (nowMs: number) =>
  ({
    requestId,
    state,
    agent,
    environment,
    kind,
    name,
    target,
    rule,
    expiresAtMs,
  }: RequestSummary): string => {
    const on = target === undefined ? '' : ` on ${target}`
    const left = state === 'pending' ? `${Math.max(0, Math.round((expiresAtMs - nowMs) / 1000))} s left` : ''
    const columns = [
      requestId,
      state.padEnd(9),
      `${agent} (${environment})`,
      `${kind} ${name}${on}`,
      `rule ${rule}`,
      left,
    ]
    return `${visible(columns.join('  ')).trimEnd()}\n`
  }
