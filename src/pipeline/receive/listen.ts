import type { Server } from 'node:net'
import { HoldpointError } from '#contract'
import { listenFrom } from '#runtime'

export interface ListenConfig {
  host: string
  /** 0 for any. */
  port: number
  /** Goes on to the next free port where this one is taken. */
  isPortFlexible: boolean
}

/** The port that it listens on. Throws UNAVAILABLE with the key of the one that is taken. */
export async function listen(
  server: Server,
  key: string,
  { host, port, isPortFlexible }: ListenConfig,
): Promise<number> {
  try {
    return await listenFrom(server, port, host, isPortFlexible ? undefined : 1)
  } catch (cause) {
    throw new HoldpointError('UNAVAILABLE', `${key}: ${(cause as Error).message}`, { cause })
  }
}
