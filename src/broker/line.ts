import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError } from '#contract'
import type { Component } from '#runtime'
import type { Leases } from './state/leases.ts'

interface LineDeps {
  nc: NatsConnection
  agents: NatsConnection
  leases: Leases
  onFailure(error: unknown): void
}

/** Follows the lines to NATS. While the agents' is away no heartbeat can come, and that is not the processes' silence. */
export function createLine({ nc, agents, leases, onFailure }: LineDeps): Component {
  let isStopping = false

  async function follow(): Promise<void> {
    for await (const { type } of agents.status()) {
      if (type === 'disconnect') leases.interrupted()
      if (type === 'reconnect') leases.resumed()
    }
  }

  async function untilClosed(): Promise<void> {
    await Promise.race([nc.closed(), agents.closed()])
    if (!isStopping) onFailure(new HoldpointError('UNAVAILABLE', 'a line to NATS was closed for good'))
  }

  return {
    name: 'line to NATS',
    async start() {
      void follow()
      void untilClosed()
    },
    async stop() {
      isStopping = true
    },
  }
}
