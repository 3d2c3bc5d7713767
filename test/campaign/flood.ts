import type { Guard } from '../support/guards.ts'
import type { RunOptions } from '../support/runner.ts'

export const summary =
  'One agent floods the broker with requests: it is refused at its source, and others keep their latency.'

export const guards: readonly Guard[] = [
  {
    name: 'quota',
    about: 'A flood of requests that people would have to judge.',
    file: 'src/broker/state/quotas.ts',
    find: 'if (found)\n',
    replace: 'if (false)\n',
  },
  {
    name: 'fair-serving',
    about: 'Everybody else’s calls standing behind all of one agent’s.',
    file: 'src/broker/serving.ts',
    find: 'if (call.agentId !== undefined) answerInTurn',
    replace: 'if (false) answerInTurn',
  },
]

/** `n` requests of the flooding agent. */
export async function run({ n = 5_000, seed, say }: RunOptions): Promise<Record<string, unknown>> {
  const { flood } = await import('./flood/flood.ts')
  return flood({ requests: n, seed, say })
}
