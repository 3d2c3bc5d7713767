import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectAs } from '#broker'
import { connectDesk } from '#desk'
import { userCredentials } from '../support/credentials.ts'
import { startNats, type TestNats } from '../support/nats.ts'

let nats: TestNats
let between: Between
beforeEach(async () => {
  nats = await startNats()
  between = await startBetween(nats)
})
afterEach(async () => {
  between.stop()
  await nats.stop()
})

test.for([
  ['a house’s own role', (url: string) => connectAs('pipeline', url, userCredentials())],
  ['a desk', (url: string) => connectDesk(url, userCredentials())],
] as const)(
  'reconnect - a server that is too busy to hear %s out, again and again, does not lose it for good',
  async ([, connecting]) => {
    const nc = await connecting(between.url)
    between.refuse(2)
    between.cut()
    await expect.poll(() => between.refused()).toBe(2)
    await expect.poll(async () => nc.isClosed() || (await nc.rtt().catch(() => 0)) > 0).toBe(true)
    expect(nc.isClosed()).toBe(false)
    await nc.close()
  },
)

interface Between {
  url: string
  /** So many connections end as they do at a server that had no time for them within its `auth_timeout`. */
  refuse(times: number): void
  refused(): number
  /** Ends all that there are. */
  cut(): void
  stop(): void
}

/** Stands between clients and a server. */
async function startBetween({ url }: TestNats): Promise<Between> {
  const { hostname, port } = new URL(url)
  const sockets = new Set<Socket>()
  let left = 0
  let refused = 0
  const server: Server = createServer((client) => {
    const upstream = connect({ host: hostname, port: Number(port) })
    for (const socket of [client, upstream])
      sockets.add(
        socket.on('error', () => {}).on('close', () => [client, upstream].map((one) => one.destroy())),
      )
    upstream.pipe(client)
    if (left === 0) return void client.pipe(upstream)
    left--
    client.once('data', () => {
      refused++
      client.end("-ERR 'Authentication Timeout'\r\n")
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  return {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    refuse(times) {
      left = times
    },
    refused: () => refused,
    cut,
    stop() {
      server.close()
      cut()
    },
  }
}
