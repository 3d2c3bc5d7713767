import type { NatsConnection } from '@nats-io/transport-node'
import { type Config, type ExitCode, type Io, readConfig, requireRunning } from '#runtime'
import { connectDesk } from './connect.ts'
import { createDesk, type Desk } from './desk.ts'

/** What the commands need of the machine they run on: where the broker is, and who is signed in. */
export interface DeskAccess {
  /** Rejects with UNAUTHENTICATED, saying how to sign in. */
  token(io: Io, dataDir: string): string | Promise<string>
  /** The desk's NATS credentials. */
  credentials(config: Config): string
}

/** A desk with somebody at it. `token` is asked for again by what runs longer than a token lasts. */
export interface SignedInDesk {
  desk: Desk
  token(): Promise<string>
}

export async function withDesk(
  access: DeskAccess,
  io: Io,
  work: (signedIn: SignedInDesk) => Promise<ExitCode>,
): Promise<ExitCode> {
  const config = readConfig(io)
  const { dataDir, nats } = config
  const token = async (): Promise<string> => access.token(io, dataDir)
  // Who is not signed in is told so, rather than that nothing runs.
  await token()
  const nc: NatsConnection = await connectDesk(
    nats.url ?? requireRunning(dataDir).nats.url,
    access.credentials(config),
  )
  try {
    return await work({ desk: createDesk({ nc }), token })
  } finally {
    await nc.close()
  }
}
