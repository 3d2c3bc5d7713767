import { jetstream } from '@nats-io/jetstream'
import { FILES, readPin } from '#broker'
import { createGate, type Gate } from '#gate'
import { type House, startHouse } from '../support/house.ts'
import type { RunOptions } from '../support/runner.ts'
import { percentile } from './support/percentile.ts'

export const summary =
  'A held action’s way: from asking to being seen by a reviewer, and from the review to the effect.'

const AGENT = 'bench-agent'
const WARM_UP = 30

/** Broker in a process of its own, agent and reviewer in this one; the nats-server syncs every write. */
export async function run({ n = 500, say }: RunOptions): Promise<Record<string, unknown>> {
  const house = await startHouse({ broker: false })
  try {
    await house.spawnBroker()
    const gate = await startGate(house)
    const cycles: Cycle[] = []
    for (let cycle = 0; cycle < WARM_UP + n; cycle++) {
      const measured = await holdOnce(house, gate, cycle)
      if (cycle >= WARM_UP) cycles.push(measured)
      if (cycle % 100 === 99) say(`${cycle + 1} of ${WARM_UP + n} holds`)
    }
    const roundTrips = await measureRoundTrips(house, n)
    const writes = await measureSyncedWrites(house, n)
    await gate.stop()
    const p = (values: number[], at: number): number => Number(percentile(values, at).toFixed(3))
    const visible = cycles.map(({ visibleMs }) => visibleMs)
    const released = cycles.map(({ releasedMs }) => releasedMs)
    return {
      n,
      natsRttP50Ms: p(roundTrips, 0.5),
      syncedWriteP50Ms: p(writes, 0.5),
      syncedWriteP99Ms: p(writes, 0.99),
      visibleP50Ms: p(visible, 0.5),
      visibleP99Ms: p(visible, 0.99),
      releasedP50Ms: p(released, 0.5),
      releasedP99Ms: p(released, 0.99),
    }
  } finally {
    await house.stop()
  }
}

interface Cycle {
  /** From the gate's call to the event at the watching reviewer: two synced writes, one after the other. */
  visibleMs: number
  /** From the review's submission to the first line of the action: three synced writes. */
  releasedMs: number
}

async function holdOnce({ desk, token }: House, gate: Gate, cycle: number): Promise<Cycle> {
  const bob = token('bob')
  const seen = Promise.withResolvers<{ requestId: string; at: number }>()
  const unwatch = desk.watch((event, { requestId }) => {
    if (event === 'opened') seen.resolve({ requestId, at: performance.now() })
  })
  const askedAt = performance.now()
  let ranAt = 0
  const held = gate.hold({ kind: 'tool', name: 'export_customers', arguments: { cycle, rows: 1200 } }, () => {
    ranAt = performance.now()
  })
  const { requestId, at } = await seen.promise
  unwatch()
  const { renderHash } = await desk.show(bob, requestId)
  const reviewedAt = performance.now()
  await desk.review({ requestId, verdict: 'approve', renderHash, channel: 'api', token: bob })
  const answer = await held
  if (!answer.ran) throw new Error(`not run: ${answer.refusal.message}`)
  return { visibleMs: at - askedAt, releasedMs: ranAt - reviewedAt }
}

async function startGate(house: House): Promise<Gate> {
  const agent = await house.agent(AGENT)
  await agent.nc.close()
  const gate = createGate(
    {
      natsUrl: house.natsUrl,
      credentials: house.home.read(FILES.agentCredentials(AGENT)),
      agentId: AGENT,
      pin: readPin(house.home),
      serviceName: 'bench',
      host: 'localhost',
    },
    { now: Date.now },
  )
  await gate.start()
  return gate
}

/** Request and reply between two clients of the same server. */
async function measureRoundTrips(house: House, n: number): Promise<number[]> {
  const broker = await house.connect('broker')
  const desk = await house.connect('desk')
  // The one subject that a desk may publish to and a broker hear; an unused name, so that only we answer.
  broker.subscribe('hp.v1.desk.echo', { callback: (_, message) => void message.respond(message.data) })
  await broker.flush()
  return timed(n, () => desk.request('hp.v1.desk.echo', 'x'))
}

/** One write into a file stream of the same server, acknowledged when it is on the disk. */
async function measureSyncedWrites(house: House, n: number): Promise<number[]> {
  const js = jetstream(await house.connect('admin'))
  return timed(n, (index) => js.publish(`hp.v1.trust.bench.${index}`, 'x'.repeat(1024)))
}

async function timed(n: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  for (let index = 0; index < n; index++) {
    const startedAt = performance.now()
    await work(index)
    times.push(performance.now() - startedAt)
  }
  return times
}
