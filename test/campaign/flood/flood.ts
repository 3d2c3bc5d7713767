import { POLICY, startHouse, type TestAgent } from '../../support/house.ts'
import { type Cycle, cycles } from './calm.ts'
import { createFlooder } from './flooder.ts'

interface Options {
  requests: number
  seed: number
  say(line: string): void
}

const PENDING = 100
const QUOTAS = `quotas: { pending: ${PENDING}, perMinute: 200, denialsPerHour: 20 }\n`
const WAVES = 2
const QUIET_CYCLES = 25
/** Of a wave of the flood, so much may be worked on while another agent's call waits for its turn. */
const MOST_OVERTAKING = 0.75
/** What people would notice. */
const MOST_MS = 5_000
const SHOWN = 5

/** A broker in a process of its own, an agent that floods it, and others that do not. */
export async function flood({ requests, seed, say }: Options): Promise<Record<string, unknown>> {
  const house = await startHouse({ policy: `${POLICY}${QUOTAS}`, broker: false })
  try {
    await house.spawnBroker()
    const flooder = await createFlooder(await house.agent('flooder'), seed)
    const others: TestAgent[] = []
    for (const id of ['calm-1', 'calm-2', 'calm-3']) others.push(await house.agent(id))
    const { counts } = flooder
    const workedOn = () => counts.opened + counts.refused + counts.other
    const all = async (isOver: (done: number) => boolean): Promise<Cycle[]> =>
      (await Promise.all(others.map((agent) => cycles(agent, workedOn, isOver)))).flat()

    const quiet = await all((done) => done >= QUIET_CYCLES)
    say(`without a flood: p95 ${p95(quiet)} ms`)
    const flooded: Cycle[] = []
    for (let wave = 0; wave < WAVES; wave++) {
      let isOver = false
      const wholeWave = flooder.wave(Math.ceil(requests / WAVES)).finally(() => (isOver = true))
      // Behind the flood, where it hurts; and no more of them than their own quota has room for.
      flooded.push(...(await all((done) => done >= 50 || (isOver && done > 0))))
      await wholeWave
      say(`wave ${wave + 1}: ${JSON.stringify(counts)}, p95 of the others ${p95(flooded)} ms`)
    }
    const problems = judge([...quiet, ...flooded], flooded, counts)
    for (const problem of problems.slice(0, SHOWN)) say(problem)
    return {
      n: counts.sent,
      violations: problems.length,
      p95Ms: p95(flooded),
      p95QuietMs: p95(quiet),
      mostOvertaking: Math.max(...flooded.map(({ overtakenBy }) => overtakenBy)),
      refused: counts.refused + counts.unread,
      unread: counts.unread,
      opened: counts.opened,
    }
  } finally {
    await house.stop()
  }
}

function judge(
  all: Cycle[],
  flooded: Cycle[],
  counts: Awaited<ReturnType<typeof createFlooder>>['counts'],
): string[] {
  const most = Math.ceil((counts.sent / WAVES) * MOST_OVERTAKING)
  const surplus = Math.max(0, counts.opened - PENDING)
  const unanswered = counts.sent - counts.opened - counts.refused - counts.unread
  return [
    ...all.flatMap(({ problem }) => (problem === undefined ? [] : [problem])),
    ...flooded
      .filter(({ overtakenBy }) => overtakenBy > most)
      .map(
        ({ overtakenBy }) => `${overtakenBy} requests of the flood were worked on while another agent waited`,
      ),
    ...(p95(flooded) > MOST_MS ? [`p95 of the others is ${p95(flooded)} ms`] : []),
    ...Array.from(
      { length: surplus },
      () => `people were asked about more than ${PENDING} requests of the flood`,
    ),
    ...(unanswered > 0
      ? [`${unanswered} requests of the flood have no answer, or another one than expected`]
      : []),
  ]
}

function p95(done: Cycle[]): number {
  const sorted = done.map(({ ms }) => ms).sort((one, other) => one - other)
  return Math.round((sorted[Math.floor(sorted.length * 0.95)] ?? 0) * 10) / 10
}
