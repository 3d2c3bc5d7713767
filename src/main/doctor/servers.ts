import type { NatsConnection } from '@nats-io/transport-node'
import { FILES } from '#broker'
import { messageOf } from './finding.ts'
import type { Scene } from './scene.ts'

/** What one server says of itself (`varz`), as far as it matters here. */
export interface ServerFacts {
  server_name: string
  version: string
  max_payload: number
  now: string
  jetstream?: {
    config?: { sync_always?: boolean; sync_interval?: number; max_storage?: number }
    stats?: { storage?: number }
    meta?: { cluster_size?: number }
  }
}

export interface Server {
  facts: ServerFacts
  /** Its clock minus ours, as little as the round trip allows; milliseconds. */
  skewMs: number
}

export type Servers =
  | { read: true; from: string; servers: Server[] }
  /** Why none of them could be asked. */
  | { read: false; reason: string }

const ANSWERS_WITHIN_MS = 2_000
const STALLS_AFTER_MS = 300

/** Every server's own settings: through the system account, else through the monitoring ports. */
export async function readServers(scene: Scene): Promise<Servers> {
  const reasons: string[] = []
  for (const [from, ask] of [
    [`the system account`, fromSystemAccount],
    ['nats.monitor', fromMonitoring],
  ] as const)
    try {
      const servers = await ask(scene)
      if (servers.length > 0) return { read: true, from, servers }
    } catch (error) {
      reasons.push(`${from}: ${messageOf(error)}`)
    }
  return { read: false, reason: reasons.join('; ') || 'no server has answered' }
}

async function fromSystemAccount(scene: Scene): Promise<Server[]> {
  if (!scene.roles().includes('doctor'))
    throw new Error(`${scene.home.path(FILES.credentials('doctor'))} is not here`)
  return askAll<ServerFacts>(await scene.connect('doctor'), '$SYS.REQ.SERVER.PING.VARZ', '', scene.now)
}

/** One answer from each server of the cluster. */
export async function askAll<Facts extends { now: string }>(
  nc: NatsConnection,
  subject: string,
  payload: string,
  now: () => number,
): Promise<{ facts: Facts; skewMs: number }[]> {
  const sentAtMs = now()
  const answers = await nc.requestMany(subject, payload, {
    strategy: 'stall',
    maxWait: ANSWERS_WITHIN_MS,
    stall: STALLS_AFTER_MS,
  })
  const found: { facts: Facts; skewMs: number }[] = []
  for await (const message of answers) {
    const { data: facts } = message.json<{ data?: Facts }>()
    if (facts) found.push({ facts, skewMs: skewOf(Date.parse(facts.now), sentAtMs, now()) })
  }
  return found
}

async function fromMonitoring({ config, now }: Scene): Promise<Server[]> {
  if (config.nats.monitor.length === 0) throw new Error('not configured')
  return Promise.all(
    config.nats.monitor.map(async (url) => {
      const sentAtMs = now()
      const response = await fetch(new URL('/varz', url), { signal: AbortSignal.timeout(ANSWERS_WITHIN_MS) })
      if (!response.ok) throw new Error(`${url} answers with status ${response.status}`)
      const facts = (await response.json()) as ServerFacts
      return { facts, skewMs: skewOf(Date.parse(facts.now), sentAtMs, now()) }
    }),
  )
}

/** A clock that was read somewhere between `sentAtMs` and `heardAtMs`: 0 where it may be right. */
export function skewOf(theirsMs: number, sentAtMs: number, heardAtMs: number): number {
  if (theirsMs > heardAtMs) return theirsMs - heardAtMs
  return theirsMs < sentAtMs ? theirsMs - sentAtMs : 0
}
