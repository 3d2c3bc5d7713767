import { HoldpointError, type ShowReply } from '#contract'
import { type Config, type Io, readConfig, requireRunning } from '#runtime'
import { connectDesk } from './connect.ts'
import { createDesk, type Desk } from './desk.ts'

/** What the commands need of the machine they run on: where the broker is, and who is signed in. */
export interface DeskAccess {
  /** Rejects with UNAUTHENTICATED, saying how to sign in. */
  token(io: Io, dataDir: string): string | Promise<string>
  /** The desk's NATS credentials. */
  credentials(config: Config): string
}

const SHORTEST_ID = 4

/** The one request whose id starts so. Ambiguity is refused: a review must never land on another request. */
export async function find(desk: Desk, token: string, id: string): Promise<ShowReply> {
  if (id.length < SHORTEST_ID)
    throw new HoldpointError('UNKNOWN_REQUEST', `"${id}": give at least ${SHORTEST_ID} characters of the id`)
  const matches = (await desk.list(token, { state: 'all', text: id, limit: 200 })).requests.filter(
    ({ requestId }) => requestId.startsWith(id),
  )
  if (matches.length > 1)
    throw new HoldpointError(
      'UNKNOWN_REQUEST',
      `${id}: ${matches.length} requests begin so; give more of the id`,
    )
  // A list has an end; who gives the whole id finds older ones too.
  return desk.show(token, matches[0]?.requestId ?? id)
}

export async function withDesk(
  access: DeskAccess,
  io: Io,
  work: (desk: Desk, token: string) => Promise<0 | 1>,
): Promise<0 | 1> {
  const config = readConfig(io)
  const { dataDir, nats } = config
  const token = await access.token(io, dataDir)
  const nc = await connectDesk(nats.url ?? requireRunning(dataDir).nats.url, access.credentials(config))
  try {
    return await work(createDesk({ nc }), token)
  } finally {
    await nc.close()
  }
}
