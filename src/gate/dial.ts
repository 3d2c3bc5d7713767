import { AsyncLocalStorage } from 'node:async_hooks'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** Node's word that a socket is being connected; the listener is called where that happens. */
const SOCKETS = 'net.client.socket'

const dials = new AsyncLocalStorage<Set<Socket>>()

/**
 * Runs an attempt to connect. The client leaves the socket of an attempt that it has given up open, and with it a
 * process that has nothing else to do would never end: what was opened meanwhile is closed when the attempt fails.
 */
export async function dialed<T>(attempt: () => Promise<T>): Promise<T> {
  const opened = new Set<Socket>()
  const onSocket = (message: unknown) => void dials.getStore()?.add((message as { socket: Socket }).socket)
  subscribe(SOCKETS, onSocket)
  try {
    return await dials.run(opened, attempt)
  } catch (error) {
    for (const socket of opened) socket.destroy()
    throw error
  } finally {
    unsubscribe(SOCKETS, onSocket)
  }
}
