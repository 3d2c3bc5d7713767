import type { Guard } from '../support/guards.ts'
import type { RunOptions } from '../support/runner.ts'

export const summary =
  'Brokers and nats-server killed with SIGKILL under load, at random and at every await: nothing lost, nothing twice.'

export const guards: readonly Guard[] = [
  {
    name: 'consume-before-run',
    about: 'A tool that runs on a warrant alone: nothing says that it has run, and it can run again.',
    file: 'src/gate/release.ts',
    find: 'await spend(asked, nonce, means)',
    replace: '',
  },
  {
    name: 'unknown-is-unknown',
    about: 'A write whose answer was lost with the server, taken for done.',
    file: 'src/broker/history/commit.ts',
    find: '        cause = error\n      }\n      const found',
    replace:
      '        cause = error\n        return { won: true, entry, position: at(1, bytes) }\n      }\n      const found',
  },
  {
    name: 'finish-what-died',
    about:
      'A broker that dies between a review and its decision: the reviewer has answered, and nothing comes of it.',
    file: 'src/broker/arrows/sweep.ts',
    find: 'await decideByReviews(context, request)\n  // While',
    replace: '// While',
    // The other turns of the sweep look once more before they end a request.
    and: ['lapse and expiry', 'abandonment'].map(() => ({
      file: 'src/broker/arrows/sweep.ts',
      find: 'if (request.reviews.length > 0) await decideByReviews(context, request)',
      occurrence: 0,
      replace: '',
    })),
  },
]

/** `n` kills of brokers and `n` of nats-server. */
export async function run({ n = 20, seed, say }: RunOptions): Promise<Record<string, unknown>> {
  const { kill } = await import('./kill/kill.ts')
  return kill({ kills: n, seed, say })
}
