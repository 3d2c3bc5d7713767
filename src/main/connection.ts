import type { NatsConnection } from '@nats-io/transport-node'
import { connectAs, FILES, type Home } from '#broker'
import type { Component } from '#runtime'

type Role = Parameters<typeof connectAs>[0]

/** A connection in one of the house's roles, closed in its turn. */
export function createConnection(role: Role, home: Home, url: string): Component & { nc(): NatsConnection } {
  let nc: NatsConnection | undefined
  return {
    name: `NATS connection (${role})`,
    nc: () => nc as NatsConnection,
    start: async () => {
      nc = await connectAs(role, url, home.read(FILES.credentials(role)))
    },
    stop: async () => {
      await nc?.drain()
    },
  }
}
