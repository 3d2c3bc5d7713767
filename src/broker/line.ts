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

export interface Line extends Component {
  isDown(): boolean
}

/** Follows the lines to NATS. While the agents' is away no heartbeat can come, and that is not the processes' silence. */
export function createLine({ nc, agents, leases, onFailure }: LineDeps): Line {
  let isStopping = false
  const down = new Set<NatsConnection>()

  async function follow(line: NatsConnection): Promise<void> {
    for await (const { type } of line.status()) {
      if (type === 'disconnect') down.add(line)
      if (type === 'reconnect') down.delete(line)
      if (line !== agents) continue
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
    isDown: () => down.size > 0 || nc.isClosed() || agents.isClosed(),
    async start() {
      void follow(nc)
      void follow(agents)
      void untilClosed()
    },
    async stop() {
      isStopping = true
    },
  }
}
