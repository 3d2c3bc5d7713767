import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError } from '#contract'
import { type Io, readConfig, readRunning } from '#runtime'
import { connectAs } from '../connect.ts'
import { FILES, type Home, openHome } from './home.ts'

/** Does something with the administrator's credentials, which no process keeps. Throws UNAVAILABLE. */
export async function asAdmin<T>(io: Io, work: (nc: NatsConnection, home: Home) => Promise<T>): Promise<T> {
  const config = readConfig(io)
  const home = openHome(config.dataDir)
  const url = config.nats.url ?? readRunning(config.dataDir)?.nats.url
  if (!url)
    throw new HoldpointError(
      'UNAVAILABLE',
      'nothing runs here: start `holdpoint up`, or name the NATS server in nats.url (HOLDPOINT_NATS_URL)',
    )
  return connectedAsAdmin(home, url, (nc) => work(nc, home))
}

/** The same, where the caller knows the server, or what to say without one. */
export async function connectedAsAdmin<T>(
  home: Home,
  url: string,
  work: (nc: NatsConnection) => Promise<T>,
): Promise<T> {
  const nc = await connectAs('admin', url, home.read(FILES.credentials('admin')))
  try {
    return await work(nc)
  } finally {
    await nc.close()
  }
}
