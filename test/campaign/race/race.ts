import { raceCommits } from './commits.ts'
import { raceConsumptions } from './consumptions.ts'
import { startInstallation } from './installation.ts'

const MOST_CONSUMPTIONS = 1_000

export async function race(options: { keys: number; seed: number; say: (line: string) => void }) {
  const { keys, seed, say } = options
  const topologies: Record<string, Awaited<ReturnType<typeof raceCommits>>> = {}
  for (const nodes of [1, 3] as const) {
    say(`${keys} keys on ${nodes === 1 ? 'one node' : 'three nodes'}`)
    const installation = await startInstallation(nodes)
    try {
      topologies[nodes === 1 ? 'oneNode' : 'threeNodes'] = await raceCommits(installation, { keys, seed })
    } finally {
      await installation.stop()
    }
  }
  const calls = Math.min(MOST_CONSUMPTIONS, 4 * keys)
  say(`${calls} consumptions of one approval at once`)
  const consumptions = await raceConsumptions(calls)
  const parts = [...Object.values(topologies), consumptions]
  return {
    n: parts.reduce((sum, { n }) => sum + n, 0),
    violations: parts.reduce((sum, { violations }) => sum + violations, 0),
    ...topologies,
    consumptions,
  }
}
