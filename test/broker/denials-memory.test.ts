import { expect, test } from 'vitest'
import type { DecidedEntry, Decision, Digest, RequestedEntry } from '#contract'
import { createDenials } from '../../src/broker/state/denials.ts'

const HOUR_MS = 3_600_000
const DIGEST: Digest = `sha-256:${'a'.repeat(64)}`
const BOB = { iss: 'https://idp.example.com', sub: 'bob', name: 'Bob' }

interface Told {
  key?: string
  agent?: string
  name?: string
  target?: string
  rememberMs?: number
  decision?: Decision
}

function memory() {
  let nowMs = 1_000_000
  const requests = new Map<string, RequestedEntry>()
  const requestedOf = (requestId: string) => requests.get(requestId)
  const make = () => createDenials({ requestedOf, now: () => nowMs })
  const denials = make()
  let count = 0

  /** A request, and what was decided about it now. */
  function told(about: Told = {}): DecidedEntry {
    const requestId = `1-${++count}`
    requests.set(requestId, {
      kind: 'tool',
      name: about.name ?? 'export',
      ...(about.target === undefined ? {} : { target: about.target }),
      agent: { iss: 'x', sub: about.agent ?? 'shop', name: 'Shop' },
      repeatKey: about.key ?? 'k'.repeat(43),
      rememberDenialMs: about.rememberMs ?? HOUR_MS,
    } as RequestedEntry)
    const by = [{ ...BOB, assurance: 'login' as const, channel: 'cli', evidence: DIGEST }]
    const decided: DecidedEntry = {
      type: 'decided',
      at: nowMs,
      requestId,
      actionDigest: DIGEST,
      decision: about.decision ?? 'denied',
      by,
      reasonDigest: DIGEST,
    }
    denials.apply(decided, { index: count, leafHash: '' })
    return decided
  }
  return { denials, make, told, requests, pass: (ms: number) => (nowMs += ms) }
}

test('denial memory - lasts for what the request says, and not a moment longer', () => {
  const { denials, told, pass } = memory()
  const { requestId } = told({ key: 'long', rememberMs: 2 * HOUR_MS })
  told({ key: 'short', rememberMs: 1_000 })
  pass(999)
  expect(denials.of('short')).toMatchObject({ by: [BOB] })
  pass(1)
  expect(denials.of('short')).toBeUndefined()
  pass(2 * HOUR_MS - 1_001)
  expect(denials.of('long')).toMatchObject({ requestId })
  pass(1)
  expect(denials.of('long')).toBeUndefined()
})

test.each(['approved', 'expired', 'cancelled'] as const)('denial memory - %s is not denied', (decision) => {
  const { denials, told } = memory()
  told({ key: 'k', decision })
  expect(denials.of('k')).toBeUndefined()
  expect(denials.timesOf('shop')).toEqual([])
  expect(denials.size()).toBe(0)
})

test('denial memory - a request that asks for none is remembered by nobody, and counted', () => {
  const { denials, told } = memory()
  told({ key: 'k', rememberMs: 0 })
  expect(denials.of('k')).toBeUndefined()
  expect(denials.countOf('shop', { kind: 'tool', name: 'export' })).toBe(1)
})

test('denial memory - hearing of one twice counts it once', () => {
  const { denials, told } = memory()
  const decided = told()
  denials.apply(decided, { index: 1, leafHash: '' })
  denials.projection.apply({ index: 1, entry: decided, leafHash: '' } as never)
  expect(denials.timesOf('shop')).toHaveLength(1)
  expect(denials.size()).toBe(1)
})

test('denial memory - the later of two answers, in whichever order they are heard of', () => {
  const { denials, told, make } = memory()
  told({ key: 'k', rememberMs: 10_000 })
  const later = told({ key: 'k', rememberMs: 20_000 })
  expect(denials.of('k')).toMatchObject({ requestId: later.requestId })
  const other = make()
  for (const row of [...denials.projection.save()].reverse()) other.projection.load(row)
  expect(other.of('k')).toMatchObject({ requestId: later.requestId })
})

test('denial memory - counts are of one agent, kind, name and target, within the hour', () => {
  const { denials, told, pass } = memory()
  told({ target: 'a' })
  pass(HOUR_MS / 2)
  told({ target: 'a' })
  for (const other of [{ target: 'b' }, {}, { target: 'a', name: 'other' }, { target: 'a', agent: 'mail' }])
    told(other)
  const about = { kind: 'tool', name: 'export', target: 'a' }
  expect(denials.countOf('shop', about)).toBe(2)
  expect(denials.countOf('shop', { ...about, kind: 'mcp' })).toBe(0)
  expect(denials.timesOf('shop')).toHaveLength(5)
  pass(HOUR_MS / 2)
  expect(denials.countOf('shop', about)).toBe(1)
  pass(HOUR_MS / 2)
  expect(denials.timesOf('shop')).toEqual([])
})

test('denial memory - what is over is forgotten, however many there were', () => {
  const { denials, told, pass } = memory()
  for (let nth = 0; nth < 20_000; nth++) {
    told({ key: `k${nth}`, rememberMs: 1_000 })
    pass(10_000)
  }
  expect(denials.size()).toBeLessThan(1_000)
})

test('denial memory - a snapshot tells the same, and nothing that is over', () => {
  const { denials, told, make, pass } = memory()
  told({ key: 'over', rememberMs: 1 })
  pass(2 * HOUR_MS)
  told({ key: 'k', target: 'a' })
  const rows = JSON.parse(JSON.stringify([...denials.projection.save()]))
  expect(rows).toHaveLength(1)
  const loaded = make()
  for (const row of rows) loaded.projection.load(row)
  expect(loaded.of('k')).toEqual(denials.of('k'))
  expect(loaded.countOf('shop', { kind: 'tool', name: 'export', target: 'a' })).toBe(1)
  loaded.projection.clear()
  expect([loaded.of('k'), loaded.size()]).toEqual([undefined, 0])
  for (const row of [null, {}, { ...rows[0], untilMs: 'never' }])
    expect(() => loaded.projection.load(row)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }))
})
