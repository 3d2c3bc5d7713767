import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, credsAuthenticator } from '@nats-io/transport-node'
import { FILES, type Home } from '#broker'
import { createNatsServer, type Log, type NatsServer } from '#runtime'
import { steadyPort } from './port.ts'

/** A real cluster of nats-servers on one house's accounts, every write on disk before it is acknowledged. */
export interface Cluster {
  /** Of all nodes: a client that loses one goes on with the next. */
  url: string
  nodes: readonly NatsServer[]
  stop(): Promise<void>
}

const READY_WITHIN_MS = 30_000

/** Resolves once the nodes have found each other and JetStream has a leader. */
export async function startCluster(home: Home, dir: string, log: Log, size = 3): Promise<Cluster> {
  const routes: number[] = []
  while (routes.length < size) {
    const port = await steadyPort()
    if (!routes.includes(port)) routes.push(port)
  }
  const nodes: NatsServer[] = []
  for (const [index, route] of routes.entries()) {
    const folder = join(dir, `node-${index}`)
    const configText = [
      `server_name: node-${index}`,
      'max_payload: 8MB',
      `jetstream { store_dir: ${JSON.stringify(join(folder, 'store'))}, sync_interval: always }`,
      `cluster { name: holdpoint, listen: "127.0.0.1:${route}", routes: [${urlsOf(routes)}] }`,
      home.read(FILES.natsOperator),
    ].join('\n')
    // A port for good: a node that is killed and started again is the same one.
    nodes.push(createNatsServer({ configText, dir: folder, port: await steadyPort(), log }))
  }
  await Promise.all(nodes.map((node) => node.start()))
  const url = nodes.map((node) => node.url).join(',')
  await leader(url, home.read(FILES.credentials('admin')), size)
  return { url, nodes, stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))) }
}

const urlsOf = (ports: readonly number[]): string =>
  ports.map((port) => `"nats-route://127.0.0.1:${port}"`).join(', ')

/** A stream with a copy on every node can be made: there is a leader, and it knows all nodes. */
async function leader(url: string, credentials: string, replicas: number): Promise<void> {
  const authenticator = credsAuthenticator(new TextEncoder().encode(credentials))
  const nc = await connect({ servers: url.split(','), authenticator, inboxPrefix: '_INBOX.admin' })
  const giveUpAt = performance.now() + READY_WITHIN_MS
  try {
    for (;;) {
      try {
        const manager = await jetstreamManager(nc, { timeout: 1_000 })
        await manager.streams.add({ name: 'READY', subjects: ['ready'], num_replicas: replicas })
        await manager.streams.delete('READY')
        return
      } catch (error) {
        if (performance.now() > giveUpAt) throw error
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  } finally {
    await nc.close()
  }
}
