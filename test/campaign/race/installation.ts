import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { NatsConnection } from '@nats-io/transport-node'
import { connectAs, FILES, initialise, natsServerConfig, openHome, provisionStreams } from '#broker'
import { createNatsServer, natsServerVersion } from '#runtime'
import { startCluster } from '../../support/cluster.ts'
import { POLICY } from '../../support/house.ts'
import { createFakeLog } from '../../support/log.ts'
import { steadyPort } from '../../support/port.ts'

export const EPOCH = 1

/** Accounts, servers and streams as an installation has them, and no broker: the racers take its place. */
export interface Installation {
  replicas: number
  /** A broker's connection; several of them are spread over the nodes. */
  connect(): Promise<NatsConnection>
  stop(): Promise<void>
}

export async function startInstallation(nodes: 1 | 3): Promise<Installation> {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-race-'))
  const log = createFakeLog()
  const home = openHome(dir)
  const policyFile = join(dir, 'policy.yaml')
  writeFileSync(policyFile, POLICY)
  const groups = { reviewers: 'oidc:https://idp.invalid#group/x' }
  await initialise(home, { origin: 'race.invalid/holdpoint', policyFile, groups, nowMs: Date.now() })
  const servers =
    nodes === 3
      ? await startCluster(home, join(dir, 'cluster'), log)
      : await startOne(natsServerConfig(home, natsServerVersion()), dir, log)
  const connections: NatsConnection[] = []
  const urls = servers.url.split(',')
  const connect = async (role: 'broker' | 'admin') => {
    const url = urls[connections.length % urls.length] as string
    const nc = await connectAs(role, url, home.read(FILES.credentials(role)))
    connections.push(nc)
    return nc
  }
  await provisionStreams(await connect('admin'), EPOCH, nodes)
  return {
    replicas: nodes,
    connect: () => connect('broker'),
    async stop() {
      await Promise.all(connections.map((nc) => nc.close()))
      await servers.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function startOne(configText: string, dir: string, log: ReturnType<typeof createFakeLog>) {
  const server = createNatsServer({ configText, dir: join(dir, 'nats'), port: await steadyPort(), log })
  await server.start()
  return { url: server.url, stop: server.stop }
}
