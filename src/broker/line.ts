import type { NatsConnection } from '@nats-io/transport-node'
import { HoldpointError } from '#contract'
import type { Component } from '#runtime'
import type { Leases } from './state/leases.ts'

interface LineDeps {
  nc: NatsConnection
  leases: Leases
  onFailure(error: unknown): void
}

/** Follows the line to NATS. While it is away no heartbeat can come, and that is not the processes' silence. */
export function createLine({ nc, leases, onFailure }: LineDeps): Component {
  let isStopping = false

  async function follow(): Promise<void> {
    for await (const { type } of nc.status()) {
      if (type === 'disconnect') leases.interrupted()
      if (type === 'reconnect') leases.resumed()
    }
    if (!isStopping) onFailure(new HoldpointError('UNAVAILABLE', 'the line to NATS was closed for good'))
  }

  return {
    name: 'line to NATS',
    async start() {
      void follow()
    },
    async stop() {
      isStopping = true
    },
  }
}
