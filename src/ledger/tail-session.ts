import { setTimeout } from 'node:timers/promises'
import type { NatsConnection } from '@nats-io/transport-node'

/** One consumer on the server, as long as it lasts. */
export interface Session {
  ended: Promise<unknown>
  close(): Promise<void>
}

/**
 * Opens a session and, whenever it ends, another one, until stopped. Rejects when the first cannot be opened.
 * A reconnect ends the session: what answers now may be another server, and is looked at from the start.
 */
export async function keepOpen(
  nc: NatsConnection,
  open: () => Promise<Session>,
): Promise<{ stop(): Promise<void> }> {
  let session = await open()
  const stopping = new AbortController()
  const { signal } = stopping
  const status = nc.status() as AsyncIterable<{ type: string }> & { stop(): void }

  async function closeOnReconnect(): Promise<void> {
    for await (const { type } of status) if (type === 'reconnect') await session.close()
  }

  async function reopen(): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      await session.ended
      if (signal.aborted || nc.isClosed()) return
      try {
        session = await open()
        // Asked to stop while it was being opened.
        if (signal.aborted) return await session.close()
        waitMs = FIRST_WAIT_MS
      } catch {
        await setTimeout(waitMs, undefined, { signal }).catch(() => {})
      }
    }
  }

  const done = Promise.all([closeOnReconnect(), reopen()])
  return {
    async stop() {
      stopping.abort()
      status.stop()
      await session.close()
      await done
    },
  }
}

const FIRST_WAIT_MS = 50
const LONGEST_WAIT_MS = 2_000
