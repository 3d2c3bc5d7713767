import type { NatsConnection } from '@nats-io/transport-node'

/**
 * A gate that waits for nothing must not keep its process from ending. The client offers no way to say so:
 * its socket, and the timer of its pings, are taken from the inside. (Our heartbeat does what the pings do.)
 * Were the inside to change, processes would end late, never too early.
 */
export function letProcessEnd(nc: NatsConnection): void {
  const { protocol } = nc as unknown as Inside
  protocol?.heartbeats?.cancel?.()
  protocol?.transport?.socket?.unref?.()
}

interface Inside {
  protocol?: { heartbeats?: { cancel?(): void }; transport?: { socket?: { unref?(): void } } }
}
