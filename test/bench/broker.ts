import { jetstream } from '@nats-io/jetstream'
import { EPOCH, type House, startHouse } from '../support/house.ts'
import type { RunOptions } from '../support/runner.ts'
import { type Cycles, createCycles, ROOMY } from './support/cycles.ts'
import { cpuMs, type Inspected, spawnInspected } from './support/inspect.ts'
import { fill, requestedEntry } from './support/ledger-history.ts'
import { percentile } from './support/percentile.ts'

export const summary =
  'Full cycles of the broker: requested, reviewed, decided, consumed, outcome, each a synced write; and with 100,000 pending.'

const AT_ONCE = 64
/** For the time that one cycle takes, while there is room for more. */
const FEW = 8
const WARM_UP = 500

/** Broker and nats-server in processes of their own, every write synced. */
export async function run({ n = 3_000, say }: RunOptions): Promise<Record<string, unknown>> {
  const one = await measureOne(n, say)
  const three = await withHouse(3, async (house, cycles) => {
    await house.spawnBroker()
    await cycles.run(WARM_UP, AT_ONCE)
    return measureRate(cycles, n)
  })
  return { n, ...one, cyclesPerSecondR3: three }
}

async function measureOne(n: number, say: RunOptions['say']): Promise<Record<string, unknown>> {
  return withHouse(1, async (house, cycles) => {
    const broker = await spawnInspected(house)
    await cycles.run(WARM_UP, AT_ONCE)
    const before = { broker: cpuMs(broker.child.pid as number), server: cpuMs(house.nats.pid) }
    const cyclesPerSecond = await measureRate(cycles, n)
    say(`${cyclesPerSecond} cycles a second`)
    const perCycle = (pid: number, fromMs: number) => Number(((cpuMs(pid) - fromMs) / n).toFixed(3))
    const brokerCpuMs = perCycle(broker.child.pid as number, before.broker)
    const natsCpuMs = perCycle(house.nats.pid, before.server)
    const syncedWritesPerSecond = await measureSyncedWrites(house, n)
    say(`${syncedWritesPerSecond} synced writes a second, by themselves`)
    return {
      cyclesPerSecond,
      syncedWritesPerSecond,
      brokerCpuMs,
      natsCpuMs,
      ...(await measurePending(house, cycles, broker, n, say)),
    }
  })
}

async function measureRate(cycles: Cycles, n: number): Promise<number> {
  const startedAt = performance.now()
  await cycles.run(n, AT_ONCE)
  return Math.round((n * 1_000) / (performance.now() - startedAt))
}

/** The limit: as many writers as there are cycles at once, into one stream of the same server. */
async function measureSyncedWrites(house: House, n: number): Promise<number> {
  const js = jetstream(await house.connect('broker'))
  const startedAt = performance.now()
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, writer) => {
      for (let nth = writer; nth < n; nth += AT_ONCE)
        await js.publish(`hp.v1.payload.bench.${nth}`, 'x'.repeat(1024))
    }),
  )
  return Math.round((n * 1_000) / (performance.now() - startedAt))
}

const STEPS = [0, 10_000, 100_000]

async function measurePending(
  house: House,
  cycles: Cycles,
  broker: Inspected,
  n: number,
  say: RunOptions['say'],
): Promise<Record<string, unknown>> {
  const p99MsByPending: Record<string, number> = {}
  const p50MsByPending: Record<string, number> = {}
  let bytesPerPending = 0
  let residentBytesPerPending = 0
  let pending = 0
  for (const step of STEPS) {
    const [used, resident] = [await broker.usedBytes(), broker.residentBytes()]
    await fillPending(house, cycles, pending, step)
    if (step > pending) {
      bytesPerPending = Math.round(((await broker.usedBytes()) - used) / (step - pending))
      residentBytesPerPending = Math.round((broker.residentBytes() - resident) / (step - pending))
    }
    pending = step
    await cycles.run(WARM_UP, FEW)
    const times = await cycles.run(n, FEW)
    p99MsByPending[step] = Number(percentile(times, 0.99).toFixed(2))
    p50MsByPending[step] = Number(percentile(times, 0.5).toFixed(2))
    say(`${step} pending: p50 ${p50MsByPending[step]} ms, p99 ${p99MsByPending[step]} ms`)
  }
  broker.close()
  return { p99MsByPending, p50MsByPending, bytesPerPending, residentBytesPerPending }
}

/** Straight into the ledger, as another replica would have: the broker learns of them from there. */
async function fillPending(house: House, { agents }: Cycles, from: number, to: number): Promise<void> {
  const entries = function* () {
    for (let nth = from; nth < to; nth++)
      yield requestedEntry(EPOCH, nth, Date.now(), agents[nth % agents.length])
  }
  await fill(await house.connect('broker'), EPOCH, entries())
  const pending = async () => (await house.desk.list(house.token('bob'), { limit: 1 })).total
  while ((await pending()) < to) await new Promise((resolve) => setTimeout(resolve, 100))
}

async function withHouse<T>(nodes: 1 | 3, work: (house: House, cycles: Cycles) => Promise<T>): Promise<T> {
  const house = await startHouse({ broker: false, policy: ROOMY, nodes })
  try {
    const cycles = await createCycles(house)
    try {
      return await work(house, cycles)
    } finally {
      cycles.stop()
    }
  } finally {
    await house.stop()
  }
}
