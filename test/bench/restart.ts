import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { natsServerConfig } from '#broker'
import { createNatsServer } from '#runtime'
import { endOf } from '../support/broker-process.ts'
import { EPOCH, type House, startHouse } from '../support/house.ts'
import type { RunOptions } from '../support/runner.ts'
import { cpuMs } from './support/inspect.ts'
import { fill, historyOf } from './support/ledger-history.ts'

export const summary =
  'The start of a broker with a long ledger behind it: from its beginning, and from a snapshot.'

const ENTRIES_A_REQUEST = 5
/** As a broker that was killed may have to read after its last snapshot. */
const TAIL = 50_000
/** No server as old as this syncs: what is measured is the reading. */
const UNSYNCED = '2.0.0'

/** `n` entries, a million where not said otherwise. A start is from the process to its being ready. */
export async function run({ n = 1_000_000, say }: RunOptions): Promise<Record<string, unknown>> {
  const house = await startHouse({ broker: false })
  try {
    await grow(house, 0, n, say)
    const scratch = await timeStart(house)
    say(`from the beginning: ${scratch.ms} ms`)
    await endOf(scratch.child)
    const snapshot = await timeStart(house)
    say(`from a snapshot: ${snapshot.ms} ms`)
    await endOf(snapshot.child, 'SIGKILL')
    await grow(house, n, TAIL, say)
    const tail = await timeStart(house)
    await endOf(tail.child)
    return {
      n,
      scratchMs: scratch.ms,
      scratchCpuMs: scratch.cpuMs,
      snapshotMs: snapshot.ms,
      snapshotCpuMs: snapshot.cpuMs,
      tailEntries: TAIL,
      snapshotAndTailMs: tail.ms,
      snapshotAndTailCpuMs: tail.cpuMs,
    }
  } finally {
    await house.stop()
  }
}

async function timeStart(house: House): Promise<{ child: ChildProcess; ms: number; cpuMs: number }> {
  const startedAt = performance.now()
  const child = await house.spawnBroker()
  return { child, ms: Math.round(performance.now() - startedAt), cpuMs: cpuMs(child.pid as number) }
}

/** Another server on the same data and at the same port, one that does not sync, takes the entries. */
async function grow(house: House, from: number, entries: number, say: RunOptions['say']): Promise<void> {
  await house.nats.stop()
  const server = createNatsServer({
    configText: natsServerConfig(house.home, UNSYNCED),
    dir: join(house.home.dir, 'nats'),
    port: Number(new URL(house.natsUrl).port),
    log: house.log,
  })
  await server.start()
  const nc = await house.connect('broker', house.natsUrl)
  const [first, count] = [from, entries].map((one) => Math.floor(one / ENTRIES_A_REQUEST)) as [number, number]
  await fill(nc, EPOCH, historyOf(EPOCH, count, 0, Date.now(), first), say)
  await nc.close()
  await server.stop()
  await house.nats.start()
}
