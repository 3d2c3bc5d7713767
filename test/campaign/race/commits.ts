import { isDeepStrictEqual } from 'node:util'
import { jetstreamManager } from '@nats-io/jetstream'
import {
  type DecidedEntry,
  type Digest,
  encodeEntry,
  type LedgerEntry,
  ledgerStream,
  ledgerSubject,
  type SpentEntry,
} from '#contract'
import { type Committed, createLedgerWriter, type LedgerWriter } from '../../../src/broker/history/commit.ts'
import { createRandom } from '../../support/random.ts'
import { EPOCH, type Installation } from './installation.ts'
import { loseSome } from './lossy.ts'

const RACERS = 16
const CONNECTIONS = 4
const KEYS_AT_ONCE = 8
const DIGEST: Digest = `sha-256:${'a'.repeat(64)}`

/**
 * Every key is one write-once subject, a decision or a consumption, and every racer writes something else to it.
 * Violations: no winner or two, a loser that did not learn who won, an entry too many, other bytes in the ledger.
 */
export async function raceCommits(installation: Installation, options: { keys: number; seed: number }) {
  const lost = { write: 0, answer: 0 }
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, installation.connect))
  const writers = Array.from({ length: RACERS }, (_, racer) => {
    const nc = connections[racer % CONNECTIONS] as (typeof connections)[number]
    const seed = options.seed * RACERS + racer
    return createLedgerWriter({ nc: loseSome(nc, { seed, lost: (what) => lost[what]++ }) })
  })
  const manager = await jetstreamManager(connections[0] as (typeof connections)[number], { checkAPI: false })
  const stored = async (subject: string) =>
    (await manager.streams.getMessage(ledgerStream(EPOCH), { last_by_subj: subject }))?.string()
  const random = createRandom(options.seed)
  const problems: string[] = []
  const startedAtMs = performance.now()
  let next = 0
  const runKeys = async (): Promise<void> => {
    for (let key = next++; key < options.keys; key = next++) {
      const { subject, entries } = keyOf(key)
      const results = await raceOnce(subject, entries, shuffled(writers, random))
      problems.push(...judge(results, await stored(subject)).map((problem) => `${subject}: ${problem}`))
    }
  }
  await Promise.all(Array.from({ length: KEYS_AT_ONCE }, runKeys))
  const seconds = (performance.now() - startedAtMs) / 1_000
  const { state } = await manager.streams.info(ledgerStream(EPOCH))
  if (state.messages !== options.keys)
    problems.push(`${state.messages} entries in the ledger, expected ${options.keys}`)
  return {
    n: options.keys,
    violations: problems.length,
    racers: RACERS,
    entries: state.messages,
    writesLost: lost.write,
    answersLost: lost.answer,
    keysPerSecond: Math.round(options.keys / seconds),
    ...(problems.length > 0 ? { first: problems.slice(0, 3) } : {}),
  }
}

function keyOf(key: number): { subject: string; entries: LedgerEntry[] } {
  const requestId = `${EPOCH}-race${key}`
  const racers = Array.from({ length: RACERS }, (_, racer) => racer)
  return key % 2 === 0
    ? { subject: ledgerSubject.decided(EPOCH, requestId), entries: racers.map((r) => decided(requestId, r)) }
    : { subject: ledgerSubject.spent(EPOCH, requestId), entries: racers.map((r) => consumed(requestId, r)) }
}

const decided = (requestId: string, racer: number): DecidedEntry => ({
  type: 'decided',
  at: 1_790_000_000_000 + racer,
  requestId,
  actionDigest: DIGEST,
  decision: racer % 2 === 0 ? 'expired' : 'cancelled',
  by: [],
})

const consumed = (requestId: string, racer: number): SpentEntry => ({
  type: 'spent',
  at: 1_790_000_000_000,
  requestId,
  actionDigest: DIGEST,
  spend: 'consumed',
  nonce: String(racer).padStart(22, 'n'),
  trace: { traceId: '1'.repeat(32), spanId: '2'.repeat(16) },
})

type Result = { mine: LedgerEntry; committed?: Committed; error?: unknown }

const raceOnce = (subject: string, entries: LedgerEntry[], writers: LedgerWriter[]): Promise<Result[]> =>
  Promise.all(
    entries.map(async (mine, racer): Promise<Result> => {
      try {
        return { mine, committed: await (writers[racer] as LedgerWriter).commit(subject, mine) }
      } catch (error) {
        return { mine, error }
      }
    }),
  )

function judge(results: Result[], stored: string | undefined): string[] {
  const winners = results.filter(({ committed }) => committed?.won)
  const [winner] = winners
  const problems: string[] = []
  if (winners.length !== 1) problems.push(`${winners.length} winners`)
  if (winner && stored !== encodeEntry(winner.mine))
    problems.push('the ledger holds other bytes than the winner’s')
  for (const { committed, error } of results) {
    if (!committed) problems.push(`a racer learned nothing: ${String(error)}`)
    else if (stored === undefined || encodeEntry(committed.entry) !== stored)
      problems.push('a racer goes by another entry than the one that counts')
    else if (!isDeepStrictEqual(committed.position, winner?.committed?.position))
      problems.push('a racer was told another place')
  }
  return problems
}

/** In another order each time, so that no connection is always first. */
function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const weighed = items.map((item) => ({ item, weight: random() }))
  return weighed.sort((one, other) => one.weight - other.weight).map(({ item }) => item)
}
