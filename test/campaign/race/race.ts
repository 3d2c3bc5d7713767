import { raceCommits } from './commits.ts'
import { raceConsumptions } from './consumptions.ts'
import { startInstallation } from './installation.ts'

const MOST_CONSUMPTIONS = 1_000

const NODES = { oneNode: 1, threeNodes: 3 } as const
type Topology = keyof typeof NODES

export async function race(options: {
  keys: number
  seed: number
  topologies: readonly Topology[]
  say: (line: string) => void
}) {
  const { keys, seed, topologies, say } = options
  const calls = Math.min(MOST_CONSUMPTIONS, 4 * keys)
  const races: Partial<Record<Topology, Awaited<ReturnType<typeof raceOn>>>> = {}
  for (const topology of topologies) races[topology] = await raceOn(NODES[topology])
  const parts = Object.values(races).flatMap(({ commits, consumptions }) => [commits, consumptions])
  return {
    n: parts.reduce((sum, { n }) => sum + n, 0),
    violations: parts.reduce((sum, { violations }) => sum + violations, 0),
    ...races,
  }

  async function raceOn(nodes: 1 | 3) {
    const where = nodes === 1 ? 'one node' : 'three nodes'
    say(`${keys} keys on ${where}`)
    const installation = await startInstallation(nodes)
    const commits = await raceCommits(installation, { keys, seed }).finally(installation.stop)
    say(`${calls} consumptions of one approval at once, on ${where}`)
    return { commits, consumptions: await raceConsumptions(nodes, calls) }
  }
}
