import { type House, startHouse } from '../../support/house.ts'
import { createRandom } from '../../support/random.ts'
import { type Brokers, createBrokers } from './brokers.ts'
import { judge } from './judge.ts'
import { settled, verifyAgainstCheckpoint } from './ledger.ts'
import { type Load, pause, startLoad } from './load.ts'
import { type KillPoint, killPoints, type Moment } from './points.ts'
import { FAST_POLICY } from './policy.ts'
import { createWitness } from './witness.ts'

const SETTLED_WITHIN_MS = 45_000
const GOES_ON_WITHIN_MS = 30_000
const COMES_BY_WITHIN_MS = 3_000
/** Fewer where little is killed: between two kills everybody is as busy as ever. */
const MOST_WORKERS = 12

interface Scene {
  house: House
  brokers: Brokers
  load: Load
  random: () => number
  say(line: string): void
  /** Waits until tools run again after this; says so in the end where none does. */
  goesOn(after: string): Promise<void>
}

/** Under one and the same load `kills` brokers are killed, about half of them at an await, and nats-server as often. */
export async function kill({
  kills,
  seed,
  say,
}: {
  kills: number
  seed: number
  say: (line: string) => void
}) {
  const house = await startHouse({ broker: false, policy: FAST_POLICY })
  const brokers = createBrokers(house)
  const witness = createWitness()
  const problems: string[] = []
  let load: Load | undefined
  try {
    await brokers.start()
    load = await startLoad(house, witness, { seed, workers: Math.min(MOST_WORKERS, 4 * kills) })
    const { ran } = load
    const goesOn = async (after: string): Promise<void> => {
      if (!(await ranSince(ran))) problems.push(`nothing went on after ${after}`)
    }
    const scene: Scene = { house, brokers, load, random: createRandom(seed), say, goesOn }
    await goesOn('the start')
    const brokersKilled = await killBrokers(scene, kills)
    const serversKilled = await killServers(scene, kills)
    await load.finish()
    const reader = await house.connect('pipeline')
    const records = await settled(reader, SETTLED_WITHIN_MS)
    problems.push(...brokers.endedByThemselves)
    problems.push(...judge(records, witness.acknowledged, ran))
    problems.push(...(await verifyAgainstCheckpoint(house, await settled(reader, 0))))
    return {
      n: 2 * kills,
      violations: problems.length,
      brokersKilled,
      serversKilled,
      entries: records.length,
      executions: ran.length,
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

interface Killed {
  atRandom: number
  /** At an await: right before, or while it waited. */
  atAwaits: number
  /** Meant to die at an await, which nobody came by. */
  notReached: number
}
const sum = ({ atRandom, atAwaits, notReached }: Killed): number => atRandom + atAwaits + notReached

async function killBrokers({ brokers, load, random, say, goesOn }: Scene, kills: number): Promise<Killed> {
  const killed: Killed = { atRandom: 0, atAwaits: 0, notReached: 0 }
  const nextMoment = momentsOf(killPoints(), BETWEEN_REVIEW_AND_DECISION, random)
  while (sum(killed) < kills) {
    const moment = nextMoment()
    // Sometimes another one serves on, and sees what the dead one left behind.
    if (random() < 0.3) await brokers.start()
    killed[(await brokers.startToDieAt(moment)) ? 'atAwaits' : 'notReached']++
    if (brokers.count() === 0) await brokers.start()
    await goesOn(`a broker was killed at ${moment.point.file}:${moment.point.line}`)
    if (sum(killed) < kills) {
      await pause(random() * 300)
      await brokers.killOne()
      killed.atRandom++
    }
    say(`${sum(killed)} brokers killed, ${load.ran.length} executions`)
  }
  if (brokers.count() === 0) await brokers.start()
  return killed
}

async function killServers(
  { house, brokers, load, random, say, goesOn }: Scene,
  kills: number,
): Promise<Killed> {
  const killed: Killed = { atRandom: 0, atAwaits: 0, notReached: 0 }
  const points = killPoints().filter(({ file }) => WRITES.test(file))
  const nextMoment = momentsOf(points, WRITES_AN_ENTRY, random)
  while (sum(killed) < kills) {
    const { pid } = house.nats
    let starting: Promise<void> | undefined
    if (sum(killed) % 4 === 0) {
      // Not waited for: it may do so while it starts, and needs a server again before it is ready.
      starting = brokers.startToKillAt(nextMoment(), pid)
      killed[(await hasEnded(pid, COMES_BY_WITHIN_MS)) ? 'atAwaits' : 'notReached']++
    } else {
      await pause(random() * 400)
      killed.atRandom++
    }
    if (!(await hasEnded(pid, 0))) process.kill(pid, 'SIGKILL')
    await house.nats.stop()
    await pause(random() * 100)
    await house.nats.start()
    await starting
    if (brokers.count() === 0) await brokers.start()
    await goesOn('nats-server was killed')
    say(`${sum(killed)} nats-servers killed, ${load.ran.length} executions`)
  }
  return killed
}

const BETWEEN_REVIEW_AND_DECISION = /\/decide\.ts$/
const WRITES_AN_ENTRY = /\/commit\.ts$/
const WRITES = /\/(commit|payload|checkpoints|decide|spend)\.ts$/

/** All points in turn, those that matter most first, each at another moment. */
function momentsOf(points: readonly KillPoint[], first: RegExp, random: () => number): () => Moment {
  const weighed = points.map((point) => ({ point, weight: random() - (first.test(point.file) ? 1 : 0) }))
  if (!points.some(({ file }) => first.test(file))) throw new Error(`no await stands in ${first}`)
  const order = weighed.sort((one, other) => one.weight - other.weight).map(({ point }) => point)
  let next = 0
  return () => ({
    point: order[next++ % order.length] as KillPoint,
    pass: 1 + Math.floor(random() * 3),
    afterMs: random() < 0.5 ? undefined : random() * 2,
  })
}

async function hasEnded(pid: number, withinMs: number): Promise<boolean> {
  for (const giveUpAt = performance.now() + withinMs; ; ) {
    try {
      process.kill(pid, 0)
    } catch {
      return true
    }
    if (performance.now() >= giveUpAt) return false
    await pause(10)
  }
}

/** Broker, server and gates have found each other again. */
async function ranSince(ran: Load['ran']): Promise<boolean> {
  const before = ran.length
  const giveUpAt = performance.now() + GOES_ON_WITHIN_MS
  while (ran.length === before) {
    if (performance.now() > giveUpAt) return false
    await pause(20)
  }
  return true
}
