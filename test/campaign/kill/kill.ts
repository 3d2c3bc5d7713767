import { startHouse } from '../../support/house.ts'
import { createRandom } from '../../support/random.ts'
import { createBrokers } from './brokers.ts'
import { judge } from './judge.ts'
import { settled, verifyAgainstCheckpoint } from './ledger.ts'
import { type Load, pause, startLoad } from './load.ts'
import { killPoints } from './points.ts'
import { FAST_POLICY } from './policy.ts'
import { createWitness } from './witness.ts'

const SETTLED_WITHIN_MS = 45_000
const GOES_ON_WITHIN_MS = 30_000

/** Under one and the same load `kills` brokers are killed, half of them at a named await, and nats-server as often. */
export async function kill({
  kills,
  seed,
  say,
}: {
  kills: number
  seed: number
  say: (line: string) => void
}) {
  const random = createRandom(seed)
  const house = await startHouse({ broker: false, policy: FAST_POLICY })
  const brokers = createBrokers(house)
  const witness = createWitness()
  const problems: string[] = []
  const count = { broker: 0, atPoints: 0, notReached: 0, nats: 0 }
  let load: Load | undefined
  try {
    await brokers.start()
    load = await startLoad(house, witness, seed)
    const goesOn = async (after: string): Promise<void> => {
      if (!(await ranSince(load as Load))) problems.push(`nothing went on after ${after}`)
    }
    await goesOn('the start')

    const points = shuffled(killPoints(), random)
    while (count.broker < kills) {
      // Sometimes another one serves on, and sees what the dead one left behind.
      if (random() < 0.3) await brokers.start()
      await pause(random() * 300)
      await brokers.killOne()
      count.broker++
      const point = points[count.broker % points.length]
      if (count.broker < kills && point) {
        const afterMs = random() < 0.5 ? undefined : random() * 3
        const isReached = await brokers.startToDieAt(point, 1 + Math.floor(random() * 3), afterMs)
        if (isReached) count.atPoints++
        else count.notReached++
        count.broker++
      }
      if (brokers.count() === 0) await brokers.start()
      await goesOn(`a broker was killed${point ? ` at ${point.file}:${point.line}` : ''}`)
      say(`${count.broker} brokers killed, ${load.ran.length} executions`)
    }
    while (count.nats < kills) {
      await pause(random() * 400)
      process.kill(house.nats.pid, 'SIGKILL')
      count.nats++
      await house.nats.stop()
      await pause(random() * 100)
      await house.nats.start()
      await goesOn('nats-server was killed')
      say(`${count.nats} nats-servers killed, ${load.ran.length} executions`)
    }
    await load.finish()
    const reader = await house.connect('pipeline')
    const records = await settled(reader, SETTLED_WITHIN_MS)
    problems.push(...judge(records, witness.acknowledged, load.ran))
    problems.push(...(await verifyAgainstCheckpoint(house, await settled(reader, 0))))
    return {
      n: count.broker + count.nats,
      violations: problems.length,
      brokersKilled: count.broker,
      ofThemAtAnAwait: count.atPoints,
      awaitsNotReached: count.notReached,
      natsServersKilled: count.nats,
      entries: records.length,
      executions: load.ran.length,
      acknowledgedFacts: witness.acknowledged.length,
      refused: load.refused,
      ...(problems.length > 0 ? { first: problems.slice(0, 5) } : {}),
    }
  } finally {
    await load?.finish()
    await load?.stop()
    await brokers.stop()
    await house.stop()
  }
}

/** Some tool has run since this call: broker, server and gates have found each other again. */
async function ranSince({ ran }: Load): Promise<boolean> {
  const before = ran.length
  const giveUpAt = performance.now() + GOES_ON_WITHIN_MS
  while (ran.length === before) {
    if (performance.now() > giveUpAt) return false
    await pause(20)
  }
  return true
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const weighed = items.map((item) => ({ item, weight: random() }))
  return weighed.sort((one, other) => one.weight - other.weight).map(({ item }) => item)
}
