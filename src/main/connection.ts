import { readFileSync } from 'node:fs'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectAs, FILES, type Home, openHome } from '#broker'
import { HoldpointError } from '#contract'
import { type Component, type Config, requireRunning } from '#runtime'

type Role = Parameters<typeof connectAs>[0]
export type Connection = Component & { nc(): NatsConnection }

/** A connection in one of the house's roles with the data folder's credentials, closed in its turn. */
export function createConnection(
  role: Role,
  home: Home,
  url: string,
  credentials = home.read(FILES.credentials(role)),
): Connection {
  let nc: NatsConnection | undefined
  return {
    name: `NATS connection (${role})`,
    nc: () => nc as NatsConnection,
    start: async () => {
      nc = await connectAs(role, url, credentials)
    },
    stop: async () => {
      // While NATS is away there is nothing to drain to.
      await nc?.drain().catch(() => nc?.close())
    },
  }
}

/** The connection of a process that runs by itself: where and as whom the configuration says, else as `holdpoint up` does. */
export function configuredConnection(role: Role, home: Home, { nats, dataDir }: Config): Connection {
  const url = nats.url ?? requireRunning(dataDir).nats.url
  return createConnection(role, home, url, configuredCredentials(role, home, nats.credentials))
}

/** As the configuration says, else as the data folder has them. */
export const roleCredentials = (role: Role, dataDir: string, file: string | undefined): string =>
  configuredCredentials(role, openHome(dataDir), file)

export function configuredCredentials(role: Role, home: Home, file: string | undefined): string {
  if (file === undefined) return home.read(FILES.credentials(role))
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new HoldpointError('INVALID_CONFIG', `nats.credentials: ${file} cannot be read`, { cause })
  }
}
