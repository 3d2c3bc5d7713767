import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { countViolations, createStore, type RowPlace, type Store, violations, whoActed } from '#store'
import { digest, ledgerRows, T0 } from './action-rows.ts'
import { type RunningEngine, startEngine } from './engine-fixture.ts'
import { at, DAY_MS, FINDINGS, LEDGER, NARROWED } from './investigation-scene.ts'

let running: RunningEngine
let store: Store
/** Everything is asked as the user who only reads. */
let reader: Store
beforeAll(async () => {
  running = await startEngine({ migrated: true })
  store = createStore(running.engine.writer)
  reader = createStore(running.engine.reader)
  await store.migrate()
  await store.insertLedger(ledgerRows(0, LEDGER), 'ledger')
  await store.insertLedger(ledgerRows(0, LEDGER), 'the same entries, by another pipeline')
  for (const [at, one] of FINDINGS.entries()) await store.insertFindings([one], `finding ${at}`)
}, 30_000)
afterAll(async () => {
  await store?.close()
  await reader?.close()
  await running?.stop()
})

const ROWS = '* EXCEPT judged_at, toUnixTimestamp64Milli(at) AS ms'
const ORDER = 'ORDER BY at, trace_id, span_id, request_id'

describe('actions of a time', () => {
  let ever: { ms: number; trace_id: string }[]
  beforeAll(async () => {
    ever = await reader.query(`SELECT ${ROWS} FROM holdpoint_actions ${ORDER}`)
  })

  test.each([
    ['all of it', 0, 7 * DAY_MS],
    ['the day of an approval', -1, DAY_MS - 1],
    ['the day of a question, decided days later', DAY_MS, 2 * DAY_MS - 1],
    ['the day on which it was run', 5 * DAY_MS, 6 * DAY_MS],
    ['the days of denials', 2 * DAY_MS, 3 * DAY_MS],
    ['the moment of one', 0, 0],
    ['the far future', 1_000 * DAY_MS, 1_001 * DAY_MS],
  ])('store - they are those of ever that lie in it: %s', async (_, from, to) => {
    const times = { from: T0 + from, to: T0 + to }
    const expected = ever.filter(({ ms }) => ms >= times.from && ms <= times.to)
    const found = await reader.query(
      `SELECT ${ROWS}
       FROM holdpoint_actions_between(from_ms = {from:UInt64}, to_ms = {to:UInt64}) ${ORDER}`,
      times,
    )
    expect(found).toEqual(expected)
    if (from === 0 && to > 0) expect(found).toHaveLength(11)
  })

  test.each(['1', '2', '3', '4', '7', 'f'])('store - of trace %s they are those of ever', async (char) => {
    const id = { id: char.repeat(32) }
    expect(
      await reader.query(
        `SELECT ${ROWS}
         FROM holdpoint_actions_of_trace(trace_id = {id:String}) ${ORDER}`,
        id,
      ),
    ).toEqual(ever.filter(({ trace_id }) => trace_id === id.id))
  })

  test('store - its ends may be what a dashboard calculates', async () => {
    const [row] = await reader.query(
      `SELECT count() AS n FROM holdpoint.holdpoint_actions_between(
         from_ms = toUnixTimestamp(toDateTime(${T0 / 1_000})) * 1000, to_ms = toUnixTimestamp64Milli(toDateTime64(${T0 / 1_000}, 3)) + 1)`,
    )
    expect(row).toEqual({ n: 2 })
  })

  test('store - a view that there is not is refused to a reader', async () => {
    await expect(reader.query('SELECT * FROM holdpoint_nothing(a = 1)')).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    })
  })
})

describe('a question that nobody waited for', () => {
  const request = (id: string) =>
    reader.query(
      'SELECT trace_id, span_id, decision, outcome, verification, refused_by FROM holdpoint_actions WHERE request_id = {id:String} ORDER BY decision DESC, trace_id',
      { id },
    )

  test('store - once denied, it is the action that came back in its trace; another one stands alone', async () => {
    expect(await request('r4')).toEqual([
      {
        trace_id: '4'.repeat(32),
        span_id: 'e'.repeat(16),
        decision: 'denied',
        outcome: 'not_run',
        verification: 'refused',
        refused_by: ['ANA'],
      },
      expect.objectContaining({ trace_id: 'a'.repeat(32), decision: '', verification: 'refused' }),
    ])
  })

  test('store - where somebody waited, nothing else takes the place of the span that asked', async () => {
    expect(await request('r5')).toMatchObject([
      { trace_id: '5'.repeat(32), decision: 'denied', verification: '' },
      { trace_id: 'b'.repeat(32), decision: '', verification: 'refused' },
    ])
  })

  test('store - once approved, it is the action that used the approval', async () => {
    expect(await request('r2')).toMatchObject([
      { trace_id: '3'.repeat(32), decision: 'approved', verification: 'verified' },
    ])
  })
})

describe('findings in the order of time', () => {
  const ARRIVED = T0 - 30 * DAY_MS

  test.each([
    ['half a century ago', 1_000, ARRIVED],
    ['in a hundred years', 4_900_000_000_000, ARRIVED],
    ['two days ago', ARRIVED - 2 * DAY_MS, ARRIVED],
    ['in ten minutes', ARRIVED + 600_000, ARRIVED],
    ['an hour ago', ARRIVED - 3_600_000, ARRIVED - 3_600_000],
  ])(
    'store - a span that says it began %s stands where that can be believed, or at its arrival',
    async (_, says, stands) => {
      const char = 'd'
      const id = { id: `${says}`.padStart(32, '0') }
      await store.insertFindings(
        [
          at(char, says, {
            trace_id: id.id,
            received_at: ARRIVED,
            judged_at: ARRIVED,
            verification: 'missing',
          }),
        ],
        `dated ${says}`,
      )
      const query = (table: string) =>
        reader.query(`SELECT toUnixTimestamp64Milli(at) AS at FROM ${table} WHERE trace_id = {id:String}`, id)
      expect(await query('holdpoint_activity')).toEqual([{ at: stands }])
      expect(await query('holdpoint_actions')).toEqual([{ at: stands }])
    },
  )

  test('store - a batch that is sent again changes nothing', async () => {
    const rows = async () => (await reader.query('SELECT count() AS n FROM holdpoint_activity'))[0]
    const before = await rows()
    for (const [no, one] of FINDINGS.entries()) await store.insertFindings([one], `finding ${no}`)
    expect(await rows()).toEqual(before)
  })

  test('store - a span that was sent twice is counted once', async () => {
    const [row] = await reader.query(
      `SELECT uniqExact(span_hash) AS n FROM holdpoint_activity WHERE verification = 'not_required'`,
    )
    expect(row).toEqual({ n: 3 })
  })
})

describe('requests and reviews', () => {
  test('store - each request is one row, by what the ledger says', async () => {
    const rows = await reader.query(
      `SELECT request_id, state, decision, user, risk, wait_ms, approvers, refused_by, channels, spend, outcome, first_index
       FROM holdpoint_requests ORDER BY request_id`,
    )
    const nothing = { approvers: [], channels: [], spend: '', outcome: '' }
    const first = { user: 'https://idp#uma', risk: 'high', approvers: ['ANA'], channels: ['cli'] }
    expect(rows).toMatchObject([
      {
        request_id: 'r1',
        state: 'approved',
        wait_ms: 2_000,
        ...first,
        spend: 'consumed',
        outcome: 'executed',
        first_index: 0,
      },
      { request_id: 'r2', state: 'approved', wait_ms: 4 * DAY_MS, spend: 'consumed', outcome: '' },
      { request_id: 'r4', state: 'denied', decision: 'denied', approvers: [], refused_by: ['ANA'] },
      { request_id: 'r5', state: 'denied' },
      { request_id: 'r6', state: 'pending', decision: '', wait_ms: null, ...nothing },
    ])
    expect(
      await reader.query(
        'SELECT request_id FROM holdpoint_requests_between(from_ms = {from:UInt64}, to_ms = {to:UInt64})',
        { from: T0 + 1, to: T0 + DAY_MS },
      ),
    ).toEqual([{ request_id: 'r2' }])
  })

  test('store - each review is one row, and tells whether it came too late to count', async () => {
    expect(
      await reader.query(
        `SELECT request_id, reviewer, reviewer_name, reviewer_groups, review_ms, after_decision, rule, risk, ledger_index
         FROM holdpoint_reviews ORDER BY at`,
      ),
    ).toEqual([
      {
        request_id: 'r1',
        reviewer: 'https://idp#ana',
        reviewer_name: 'ANA',
        reviewer_groups: ['sre'],
        review_ms: 1_500,
        after_decision: 0,
        rule: 'export',
        risk: 'high',
        ledger_index: 1,
      },
      expect.objectContaining({ reviewer_name: 'BOB', review_ms: 2_500, after_decision: 1 }),
    ])
  })
})

describe('the queries of dashboards and console', () => {
  const everything = { fromMs: T0, toMs: T0 + 7 * DAY_MS, most: 100 }

  test('store - who acted: the newest first, with whoever answered', async () => {
    const rows = await whoActed(reader, everything)
    expect(rows.map((row) => row.at)).toEqual(rows.map((row) => row.at).sort((a, b) => b - a))
    expect(rows.find(({ request_id }) => request_id === 'r1')).toMatchObject({
      at: T0,
      agent: 'billing-bot',
      user: 'https://idp#uma',
      action: 'tool export_customers',
      authorized_by: 'ANA',
      decision: 'approved',
      approvers: ['ANA'],
      refused_by: [],
      assurance: 'login',
      channel: 'cli',
      wait_ms: 2_000,
      outcome: 'executed',
      verification: 'verified',
      risk: 'high',
    })
  })

  test.each([
    [
      'denied it, and nobody else',
      '4',
      { authorized_by: 'denied by ANA', approvers: [], refused_by: ['ANA'] },
    ],
    ['is yet to answer', 'r6', { authorized_by: 'nobody yet', decision: 'pending' }],
    ['was never asked', 'c', { authorized_by: 'nobody', decision: '', verification: 'missing' }],
    ['need not be asked', '7', { authorized_by: 'policy alone', decision: '' }],
    ['was not asked, and it did not run', 'a', { authorized_by: 'nobody: not released', outcome: 'not_run' }],
  ])('store - who acted: of somebody who %s nobody reads that they released it', async (_, id, expected) => {
    const rows = await whoActed(reader, everything)
    const row = rows.find(({ trace_id, request_id }) => request_id === id || trace_id[0] === id)
    expect(row).toMatchObject(expected)
  })

  test('store - who acted: page by page each row is there once, in the order of all', async () => {
    const all = await whoActed(reader, everything)
    for (let seen = 0; seen < all.length; seen += 3) {
      const page = await whoActed(reader, { ...everything, most: 3, after: all[seen - 1] })
      expect(page).toEqual(all.slice(seen, seen + 3))
    }
    expect(await whoActed(reader, { ...everything, after: all.at(-1) })).toEqual([])
  })

  test.each(NARROWED)('store - who acted: only those of %s', async (_, filter, expected) => {
    const rows = await whoActed(reader, { ...everything, ...filter })
    expect(rows).toHaveLength(expected)
  })

  test('store - what somebody sends under one pair of ids, of one moment, is on one page each', async () => {
    const atMs = T0 + 20 * DAY_MS
    const agents = ['mallory', 'malory', 'mal']
    const twins = agents.map((agent, no) =>
      at('e', atMs, { agent, verification: 'missing', content_digest: digest(`${no}`) }),
    )
    await store.insertFindings(twins, 'twins')
    for (const ask of [whoActed, violations]) {
      const seen: string[] = []
      for (let after: RowPlace | undefined, isFirst = true; isFirst || after; isFirst = false) {
        const [row] = await ask(reader, { fromMs: atMs, toMs: atMs, most: 1, after })
        if (row) seen.push(row.agent)
        after = row
      }
      expect(seen.toSorted()).toEqual(agents.toSorted())
    }
  })

  test('store - violations: what went round the gate, the worst of several words', async () => {
    const rows = await violations(reader, everything)
    expect(rows).toMatchObject([{ verification: 'missing', trace_id: 'c'.repeat(32), ruling: 'hold' }])
    expect(await violations(reader, { ...everything, verifications: ['forged'] })).toEqual([])
    expect(await violations(reader, { ...everything, toMs: T0 + DAY_MS })).toEqual([])
    expect(await violations(reader, { ...everything, after: rows[0] })).toEqual([])
    const none = { forged: 0, missing: 0, replayed: 0, unbound: 0, observed: 0 }
    expect(await countViolations(reader, everything)).toEqual({ ...none, missing: 1 })
    expect(await countViolations(reader, { ...everything, agents: ['nobody'] })).toEqual(none)
  })
})
