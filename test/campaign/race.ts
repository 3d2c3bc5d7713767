import type { Guard } from '../support/guards.ts'
import type { RunOptions } from '../support/runner.ts'

export const summary =
  'Sixteen racers for each key, on one node and on a cluster of three: one winner, and everybody learns who.'

export const guards: readonly Guard[] = [
  {
    name: 'write-once',
    about: 'Two decisions of one request, both acknowledged.',
    file: 'src/broker/history/commit.ts',
    find: 'expect: { streamName, lastSubjectSequence: 0 },',
    replace: 'expect: { streamName },',
    // The stream keeps the same promise by itself, so that either layer alone would hide that the other is gone.
    and: [
      {
        file: 'src/broker/enrolment/provision.ts',
        find: 'discard_new_per_subject: true,\n  max_msgs_per_subject: 1,',
        replace: 'discard_new_per_subject: false,\n  max_msgs_per_subject: -1,',
      },
    ],
  },
  {
    name: 'read-back',
    about: 'A racer that takes a write which was refused, or whose answer was lost, for its own success.',
    file: 'src/broker/history/commit.ts',
    find: 'won: found.bytes === bytes,',
    replace: 'won: true,',
  },
  {
    name: 'winners-entry',
    about: 'A racer that lost and goes on with its own decision instead of the one that counts.',
    file: 'src/broker/history/commit.ts',
    find: 'entry: decodeEntry(found.bytes) as E,',
    replace: 'entry,',
  },
  {
    name: 'write-again',
    about: 'A write that never arrived, given up as though its absence proved anything.',
    file: 'src/broker/history/commit.ts',
    find: 'const ATTEMPTS = 5',
    replace: 'const ATTEMPTS = 1',
  },
  {
    name: 'nonce',
    about: 'An approval that a second caller consumes as if it were a retry of the first.',
    file: 'src/broker/calls/consume.ts',
    find: 'entry.nonce !== nonce ||',
    replace: '',
  },
]

/** `n` keys for each topology, and up to 1,000 consumptions of one approval at once. */
export async function run({ n = 1_000, seed, without, say }: RunOptions): Promise<Record<string, unknown>> {
  const { race } = await import('./race/race.ts')
  // What a guard keeps shows on one node as well as on three.
  return race({
    keys: n,
    seed,
    say,
    topologies: without === undefined ? ['oneNode', 'threeNodes'] : ['oneNode'],
  })
}
