import { createHash } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import { decodeEntry, isOfRequest, type LedgerEntry, principalId, type RequestedEntry } from '#contract'
import { leafHash } from '#ledger'
import { createPeople, isParty, tally } from '#policy'
import { generateWeek, hexOf, INCIDENTS, type Incident, type Place, type Planted, type SpanText } from '#seed'
import type { LedgerRow } from '#store'

const OPTIONS = { spans: 2_000, seed: 11, endsAtMs: Date.UTC(2026, 10, 20, 12) }

interface Made {
  digest: string
  spans: { text: SpanText; place: Place }[]
  rows: LedgerRow[]
  entries: LedgerEntry[]
  incidents: Planted[]
}

function make(options: { seed?: number; incidents: readonly Incident[] }): Made {
  const hash = createHash('sha256')
  const made: Made = { digest: '', spans: [], rows: [], entries: [], incidents: [] }
  const watch = { add: (text: SpanText, place: Place) => void made.spans.push({ text, place }) }
  for (const part of generateWeek({ ...OPTIONS, ...options }, watch)) {
    hash.update(part.of === 'rows' ? part.block.data : JSON.stringify(part))
    if (part.of === 'ledger') made.rows.push(...part.rows)
    if (part.of === 'report') made.incidents = part.incidents
  }
  made.digest = hash.digest('hex')
  made.entries = made.rows.map(({ statement }) => decodeEntry(statement))
  return made
}

let ordinary: Made
let full: Made
beforeAll(() => {
  ordinary = make({ incidents: [] })
  full = make({ incidents: INCIDENTS })
})

describe('a week', () => {
  test('week - the same options make the same rows, and another seed makes others', () => {
    expect(make({ incidents: INCIDENTS }).digest).toBe(full.digest)
    const traces = new Set(full.spans.map(({ place }) => hexOf(place.trace)))
    const others: string[] = []
    const watch = { add: (_: SpanText, { trace }: Place) => void others.push(hexOf(trace)) }
    for (const { of } of generateWeek({ ...OPTIONS, seed: 12, incidents: [] }, watch))
      if (of === 'progress') break
    expect(others.length).toBeGreaterThan(10)
    expect(others.filter((trace) => traces.has(trace))).toEqual([])
  })

  test('week - no incident changes a span or an entry of the ordinary traffic', () => {
    const spansOf = ({ spans }: Made) => spans.map(({ text, place }) => JSON.stringify([text.name, place]))
    const all = new Set(spansOf(full))
    expect(spansOf(ordinary).filter((span) => !all.has(span))).toEqual([])
    const statements = new Set(full.rows.map(({ statement }) => statement))
    expect(ordinary.rows.filter(({ statement }) => !statements.has(statement))).toEqual([])
  })

  test('week - the agent of the freeze is the one that its entries name, and nobody else is stopped', () => {
    const { incidents } = full
    const freezes = full.entries.filter((entry) => entry.type === 'freeze')
    expect(freezes.map(({ agent, frozen, turn }) => [agent, frozen, turn])).toEqual([
      ['courier', true, 1],
      ['courier', false, 2],
    ])
    expect(incidents.find(({ incident }) => incident === 'freeze')?.agents).toEqual(['courier'])
  })

  test('week - an incident by itself is the one that stands among the others', () => {
    const alone = make({ incidents: ['night-export'] })
    const statements = new Set(full.rows.map(({ statement }) => statement))
    expect(alone.rows.length).toBeGreaterThan(ordinary.rows.length)
    expect(alone.rows.filter(({ statement }) => !statements.has(statement))).toEqual([])
  })
})

describe('the ledger of a week', () => {
  test('week - indices have no gap, times never go back, and leaves are the hashes of their statements', () => {
    expect(full.rows.map(({ ledger_index }) => ledger_index)).toEqual(
      full.rows.map((_, index) => String(index)),
    )
    const times = full.entries.map(({ at }) => at)
    expect(times).toEqual(times.toSorted((one, other) => one - other))
    expect(full.rows.map(({ leaf_hash }) => leaf_hash)).toEqual(
      full.rows.map(({ statement }) => Buffer.from(leafHash(statement)).toString('hex')),
    )
  })

  test('week - every request goes its way once, in order', () => {
    const order = ['requested', 'review', 'decided', 'spent', 'outcome']
    const ways = Map.groupBy(full.entries.filter(isOfRequest), ({ requestId }) => requestId)
    expect(ways.size).toBeGreaterThan(80)
    for (const [id, entries] of ways) {
      const types = entries.map(({ type }) => type)
      expect(types, id).toEqual(types.toSorted((one, other) => order.indexOf(one) - order.indexOf(other)))
      const once = types.filter((type) => type !== 'review')
      expect(new Set(once).size, id).toBe(once.length)
    }
  })

  test('week - nobody releases their own work, and every decision is what the reviews come to', () => {
    const people = createPeople()
    const ways = Map.groupBy(full.entries.filter(isOfRequest), ({ requestId }) => requestId)
    let approved = 0
    for (const entries of ways.values()) {
      const request = entries.find(({ type }) => type === 'requested') as RequestedEntry
      const reviews = entries.filter((entry) => entry.type === 'review')
      for (const { reviewer } of reviews) expect(isParty(people, reviewer, request)).toBe(false)
      const decided = entries.find((entry) => entry.type === 'decided')
      const counted = tally(reviews, request, people)
      if (decided?.decision === 'approved' || decided?.decision === 'denied') {
        expect(counted.state).toBe(decided.decision)
        expect(
          counted.state !== 'pending' && counted.by.map(({ reviewer }) => principalId(reviewer)),
        ).toEqual(decided.by.map(principalId))
        approved++
      } else expect(counted.state).toBe('pending')
    }
    expect(approved).toBeGreaterThan(40)
  })

  test('week - only the instant approver answers in less than three seconds', () => {
    const quick = ({ entries }: Made) => {
      const asked = new Map(
        entries.flatMap((entry) => (entry.type === 'requested' ? [[entry.requestId, entry.at]] : [])),
      )
      return entries.filter(
        (entry) => entry.type === 'review' && entry.at - (asked.get(entry.requestId) ?? 0) < 3_000,
      )
    }
    expect(quick(ordinary)).toEqual([])
    expect(new Set(quick(full).map((entry) => entry.type === 'review' && entry.reviewer.sub))).toEqual(
      new Set(['jonas.weber']),
    )
  })
})

describe('the traces of a week', () => {
  test('week - every span lies within its parent, and only those of the last minutes miss one', () => {
    const ids = new Map(full.spans.map(({ place }) => [hexOf(place.trace) + hexOf(place.id), place]))
    expect(ids.size).toBe(full.spans.length)
    const wrong = full.spans.filter(({ place }) => {
      const endUs = place.startUs + place.durationUs
      if (place.durationUs <= 0) return true
      if (place.parent === undefined) return false
      const parent = ids.get(hexOf(place.trace) + hexOf(place.parent))
      if (parent === undefined) return place.startUs / 1000 < OPTIONS.endsAtMs - 4 * 3_600_000
      return place.startUs < parent.startUs || endUs > parent.startUs + parent.durationUs
    })
    expect(wrong.map(({ text, place }) => [text.name, place])).toEqual([])
  })

  test('week - people sleep: the working day holds many times the spans of the night', () => {
    const office = ordinary.spans.filter(({ text }) => text.service.name === 'support-eu-agent')
    const hours = office.map(({ place }) => new Date(place.startUs / 1000).getUTCHours())
    const by = (from: number, to: number) => hours.filter((hour) => hour >= from && hour < to).length
    expect(by(8, 16)).toBeGreaterThan(10 * by(20, 24))
  })
})
