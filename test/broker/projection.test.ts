import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { JsonValue } from '#contract'
import type { LedgerRecord } from '#ledger'
import { createDenials } from '../../src/broker/state/denials.ts'
import { createFreezes } from '../../src/broker/state/freezes.ts'
import { createNewest } from '../../src/broker/state/newest.ts'
import type { Projection } from '../../src/broker/state/projection.ts'
import { createRequests, type Requests, stateOf } from '../../src/broker/state/requests.ts'
import { createStandings } from '../../src/broker/state/standing.ts'
import { histories } from './ledger-histories.ts'

const FAR_MS = 1_790_000_000_000 + 3_600_000_000

/** All that a broker keeps of the ledger; few requests that are over, so that most of them leave. */
function createAll() {
  const requests = createRequests({ kept: 3 })
  const denials = createDenials({
    requestedOf: (requestId) => requests.get(requestId)?.requested,
    now: () => 1_790_000_000_500,
  })
  const projections: Projection[] = [
    createStandings(),
    denials.projection,
    createFreezes().projection,
    requests.projection,
    createNewest(),
  ]
  const feed = (records: readonly LedgerRecord[]): void => {
    for (const record of records) for (const one of projections) one.apply(record)
  }
  return { requests, projections, feed }
}
type All = ReturnType<typeof createAll>

const savedBy = ({ projections }: All): JsonValue[][] => projections.map((one) => [...one.save()])
/** Through the bytes of a file. */
function loadInto({ projections }: All, saved: JsonValue[][]): void {
  const read = JSON.parse(JSON.stringify(saved)) as JsonValue[][]
  read.forEach((rows, nth) => {
    for (const row of rows) projections[nth]?.load(row)
  })
}

/** What anybody can ask of them. */
function lookAt(requests: Requests) {
  const ids = (some: Iterable<{ requested: { requestId: string } }>) =>
    [...some].map(({ requested }) => requested.requestId)
  return {
    all: requests.all().map((request) => [request, stateOf(request)]),
    pending: ids(requests.pending()),
    unfinished: ids(requests.unfinished()).sort(),
    due: ids(requests.due(FAR_MS)).sort(),
    toDecide: ids(requests.toDecide()).sort(),
    // Since when a process is known to live, requests that left may have said: a start gives all of them a full lease.
    parties: [...requests.parties()].map(({ agentId, process, requests: open }) => ({
      agentId,
      process,
      requests: ids(open).sort(),
    })),
    counts: Array.from({ length: 20 }, (_, nth) => requests.countsOf(`agent-${nth}`)),
    haveLeft: requests.haveLeft(),
  }
}

test('projection - from a snapshot and the rest it is the same as from the beginning, wherever the snapshot was taken', () => {
  fc.assert(
    fc.property(histories, fc.nat(), (history, cut) => {
      const at = history.length === 0 ? 0 : cut % (history.length + 1)
      const scratch = createAll()
      scratch.feed(history)
      const before = createAll()
      before.feed(history.slice(0, at))
      const resumed = createAll()
      loadInto(resumed, savedBy(before))
      expect(savedBy(resumed)).toEqual(savedBy(before))
      resumed.feed(history.slice(at))
      expect(savedBy(resumed)).toEqual(savedBy(scratch))
      expect(partiesSorted(lookAt(resumed.requests))).toEqual(partiesSorted(lookAt(scratch.requests)))
    }),
    { numRuns: 200 },
  )
})

test('projection - what this process committed itself, ahead of the ledger’s tail, is not in a snapshot before its turn', () => {
  fc.assert(
    fc.property(histories, fc.nat(), fc.nat(12), (history, cut, ahead) => {
      const at = history.length === 0 ? 0 : cut % (history.length + 1)
      const plain = createAll()
      plain.feed(history.slice(0, at))
      const early = createAll()
      early.feed(history.slice(0, at))
      for (const { entry, index, leafHash } of history.slice(at, at + ahead))
        early.requests.apply(entry, { index, leafHash })
      expect([...early.requests.projection.save()]).toEqual([...plain.requests.projection.save()])

      early.feed(history.slice(at))
      const scratch = createAll()
      scratch.feed(history)
      expect(savedBy(early)).toEqual(savedBy(scratch))
      expect(partiesSorted(lookAt(early.requests))).toEqual(partiesSorted(lookAt(scratch.requests)))
    }),
    { numRuns: 200 },
  )
})

test('projection - rows that are read late still tell of when they were asked for', () => {
  fc.assert(
    fc.property(histories, fc.nat(), (history, cut) => {
      const at = history.length === 0 ? 0 : cut % (history.length + 1)
      const one = createAll()
      one.feed(history.slice(0, at))
      const now = JSON.stringify([...one.requests.projection.save()])
      const later = one.requests.projection.save()
      one.feed(history.slice(at))
      expect(JSON.stringify([...later])).toBe(now)
    }),
    { numRuns: 100 },
  )
})

test('projection - emptied, it is as it was made', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const one = createAll()
      one.feed(history)
      for (const projection of one.projections) projection.clear()
      expect(savedBy(one)).toEqual(savedBy(createAll()))
      one.feed(history)
      const other = createAll()
      other.feed(history)
      expect(lookAt(one.requests)).toEqual(lookAt(other.requests))
    }),
    { numRuns: 50 },
  )
})

test('projection - what is over leaves memory, what is not stays, however long ago it was asked', () => {
  fc.assert(
    fc.property(histories, (history) => {
      const { requests, feed } = createAll()
      feed(history)
      const over = requests
        .all()
        .filter((request) => !['pending', 'approved', 'consumed'].includes(stateOf(request)))
      expect(over.length).toBeLessThanOrEqual(6)
      const open = createRequests()
      for (const { entry, index, leafHash } of history) open.apply(entry, { index, leafHash })
      expect(requests.pending()).toEqual(open.pending())
      expect(requests.countsOf('agent-1')).toEqual(open.countsOf('agent-1'))
      expect(requests.haveLeft()).toBe(requests.all().length < open.all().length)
    }),
    { numRuns: 100 },
  )
})

const partiesSorted = (seen: ReturnType<typeof lookAt>) => ({
  ...seen,
  parties: seen.parties.sort(({ process: one = '' }, { process: other = '' }) => (one < other ? -1 : 1)),
})
