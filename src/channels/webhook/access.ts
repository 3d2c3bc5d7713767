import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError } from '#contract'
import { connectDesk } from '#desk'
import { type Config, type Io, readConfig, requireRunning } from '#runtime'
import { readEndpoints, type WebhookEndpoint } from './endpoints.ts'

/** What the commands need of the machine they run on. */
export interface WebhookAccess {
  /** The channel's NATS credentials. */
  credentials(config: Config): string
}

/** For one attempt. */
export const TIMEOUT_MS = 10_000
export const json = {
  type: 'boolean',
  description: 'One JSON object on the last line of standard output',
} as const

export function named(endpoints: readonly WebhookEndpoint[], name: string): WebhookEndpoint {
  const found = endpoints.find((endpoint) => endpoint.name === name)
  if (found) return found
  const names = endpoints.map((endpoint) => endpoint.name).join(', ') || 'none'
  throw new HoldpointError(
    'NOT_FOUND',
    `no endpoint is called ${JSON.stringify(name)}; configured are: ${names}`,
  )
}

export async function withChannel(
  access: WebhookAccess,
  io: Io,
  work: (parts: {
    nc: NatsConnection
    endpoints: readonly WebhookEndpoint[]
    config: Config
  }) => Promise<0 | 1>,
): Promise<0 | 1> {
  const config = readConfig(io)
  const endpoints = readEndpoints(config, io.cwd)
  const url = config.nats.url ?? requireRunning(config.dataDir).nats.url
  const nc = await connectDesk(url, access.credentials(config), 'channel')
  try {
    return await work({ nc, endpoints, config })
  } finally {
    await nc.close()
  }
}
