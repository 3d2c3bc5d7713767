import type { Client } from './sdk.ts'

/** Queries of one client that wait, one behind the other: a session's queries depend on each other. */
const lanes = new WeakMap<Client, Promise<unknown>>()

export const isWaiting = (client: Client): boolean => lanes.has(client)

export function enqueue<T>(client: Client, work: () => Promise<T>): Promise<T> {
  const before = lanes.get(client)
  const result = before === undefined ? work() : before.then(work)
  const ended: Promise<void> = result.then(
    () => leave(),
    () => leave(),
  )
  const leave = () => {
    if (lanes.get(client) === ended) lanes.delete(client)
  }
  lanes.set(client, ended)
  return result
}

const NEWS = ['connect', 'drain', 'end'] as const

/** Resolves when everything that was sent before is answered, so that it is known whether a transaction is open. */
export async function whenIdle(client: Client): Promise<void> {
  while (!isIdle(client)) {
    const { promise, resolve } = Promise.withResolvers<void>()
    for (const event of NEWS) client.once(event, resolve)
    await promise
    for (const event of NEWS) client.off(event, resolve)
  }
}

const isIdle = (client: Client): boolean =>
  client._ended === true ||
  (client.readyForQuery === true &&
    !client._activeQuery &&
    !client._queryQueue?.length &&
    !client._sentQueryQueue?.length)
