import { readFileSync } from 'node:fs'
import type { NatsConnection } from '@nats-io/transport-node'
import { metrics } from '@opentelemetry/api'
import { connectAs, FILES, type Home, openHome } from '#broker'
import { HoldpointError } from '#contract'
import { type Component, type Config, requireRunning, watchRoundTrip } from '#runtime'

type Role = Parameters<typeof connectAs>[0]
export type Connection = Component & { nc(): NatsConnection }

export interface ConnectionOptions {
  /** Preset: the data folder's, of the role. */
  credentials?: string
  /** Where a process has several of a role. Preset: the role. */
  name?: string
}

/** A connection in one of the house's roles, closed in its turn. */
export function createConnection(
  role: Role,
  home: Home,
  url: string,
  { credentials = home.read(FILES.credentials(role)), name = role }: ConnectionOptions = {},
): Connection {
  let nc: NatsConnection | undefined
  let unwatch = (): void => {}
  return {
    name: `NATS connection (${name})`,
    nc: () => nc as NatsConnection,
    start: async () => {
      nc = await connectAs(role, url, credentials)
      unwatch = watchRoundTrip(metrics.getMeter('holdpoint.nats'), name, nc)
    },
    stop: async () => {
      unwatch()
      // While NATS is away there is nothing to drain to.
      await nc?.drain().catch(() => nc?.close())
    },
  }
}

/** The connection of a process that runs by itself: where and as whom the configuration says, else as `holdpoint up` does. */
export function configuredConnection(
  role: Role,
  home: Home,
  { nats, dataDir }: Config,
  name: string = role,
): Connection {
  const url = nats.url ?? requireRunning(dataDir).nats.url
  return createConnection(role, home, url, {
    credentials: configuredCredentials(role, home, nats.credentials),
    name,
  })
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
