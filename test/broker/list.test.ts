import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ListCall, RequestSummary } from '#contract'
import { codeOf, type Held, holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type House, POLICY, startHouse, type TestAgent } from '../support/house.ts'

let house: House
let bob: string

const RISKY = `${POLICY}  - { id: Export-Data, match: { kind: tool, name: "export_*", environment: prod }, effect: hold, risk: high }\n`

const idsOf = (requests: RequestSummary[]): string[] => requests.map(({ requestId }) => requestId)
const listed = async (query: Omit<ListCall, 'token'> = {}, token = bob): Promise<string[]> =>
  idsOf((await house.desk.list(token, query)).requests)

describe('list - filters', () => {
  const held: Record<string, Held> = {}
  const nameOf = (requestId: string): string | undefined =>
    Object.keys(held).find((name) => held[name]?.requestId === requestId)

  beforeAll(async () => {
    house = await startHouse({ policy: RISKY })
    bob = house.token('bob')
    const shop = await house.agent('shop-agent')
    const lab = await house.agent('lab-agent', { environment: 'staging', owner: 'bob' })
    const hold = async (name: string, agent: TestAgent, action: Parameters<typeof attemptOf>[0]) => {
      held[name] = await holdAction(agent, attemptOf(action))
    }
    await hold('export', shop, { name: 'export_customers', target: 'CRM/Élan' })
    await hold('db', shop, { kind: 'db', name: 'UPDATE prices', target: 'orders' })
    await hold('oncall', shop, { name: 'page_oncall' })
    await hold('lab', lab, { name: 'export_results' })
    await hold('denied', shop, { name: 'export_orders' })
    await reviewAs(house, 'bob', held.denied?.requestId ?? '', 'deny')
  })
  afterAll(() => house.stop())

  test.each<[Omit<ListCall, 'token'>, string[]]>([
    [{}, ['export', 'db', 'oncall', 'lab']],
    [{ state: 'pending' }, ['export', 'db', 'oncall', 'lab']],
    [{ state: 'decided' }, ['denied']],
    [{ state: 'all' }, ['denied', 'lab', 'oncall', 'db', 'export']],
    [{ agent: 'shop-agent' }, ['export', 'db', 'oncall']],
    [{ agent: 'SHOP-Agent' }, ['export', 'db', 'oncall']],
    [{ agent: 'shop' }, []],
    [{ environment: 'STAGING' }, ['lab']],
    [{ environment: 'stag' }, []],
    [{ kind: 'db' }, ['db']],
    [{ kind: 'tool', environment: 'staging' }, ['lab']],
    [{ kind: 'db', environment: 'staging' }, []],
    [{ risk: 'high' }, ['export']],
    [{ risk: 'high', state: 'all' }, ['denied', 'export']],
    [{ risk: 'low' }, []],
    [{ rule: 'export-data' }, ['export']],
    [{ rule: 'defaults' }, ['db', 'lab']],
    [{ rule: 'constructor' }, []],
    [{ text: 'EXPORT' }, ['export', 'lab']],
    [{ text: 'élan' }, ['export']],
    [{ text: 'orders', state: 'all' }, ['denied', 'db']],
    [{ text: 'lab-agent' }, ['lab']],
    [{ text: '.*' }, []],
    [{ text: 'csv' }, []],
    // Bob owns the agent of one, and is in none of the groups of another.
    [{ reviewable: true }, ['export', 'db']],
    [{ reviewable: true, state: 'all' }, ['db', 'export']],
    [{ reviewable: true, state: 'decided' }, []],
    [{ reviewable: true, kind: 'db' }, ['db']],
    [{ reviewable: false }, ['export', 'db', 'oncall', 'lab']],
  ])('list - %j', async (query, names) => {
    const { requests, total, next } = await house.desk.list(bob, query)
    expect(requests.map(({ requestId }) => nameOf(requestId))).toEqual(names)
    expect(total).toBe(names.length)
    expect(next).toBeUndefined()
  })

  test('list - an id finds its request, and a part of it too', async () => {
    const id = held.db?.requestId ?? ''
    expect(await listed({ text: id.toUpperCase() })).toEqual([id])
    expect(await listed({ text: id.slice(4, 20) })).toEqual([id])
  })

  test('list - what is reviewable depends on who asks', async () => {
    expect((await house.desk.list(house.token('carol'), { reviewable: true })).total).toBe(4)
    expect((await house.desk.list(house.token('alice'), { reviewable: true })).total).toBe(0)
  })

  test('list - what one chooses by is in the summary', async () => {
    const { requests } = await house.desk.list(bob, { state: 'all', text: 'export_' })
    expect(requests[0]).toMatchObject({
      requestId: held.denied?.requestId,
      state: 'denied',
      agent: 'shop-agent',
      agentId: 'shop-agent',
      assurance: 'login',
      decidedAtMs: expect.any(Number),
      reviews: [{ sub: 'bob', verdict: 'deny' }],
    })
    expect(requests.at(-1)).not.toHaveProperty('decidedAtMs')
    expect(JSON.stringify(requests)).not.toContain('csv')
  })

  test.each<[string, object]>([
    ['a limit of none', { limit: 0 }],
    ['a limit beyond the bound', { limit: 201 }],
    ['a limit that is no number', { limit: '50' }],
    ['a state that there is not', { state: 'expired' }],
    ['a risk that there is not', { risk: 'HIGH' }],
    ['a filter that there is not', { owner: 'bob' }],
    ['an empty text', { text: '' }],
    ['a cursor with white space', { cursor: 'after 1' }],
    ['a cursor of its own making', { cursor: '1' }],
    ['a cursor beyond all numbers', { cursor: `after-${'9'.repeat(30)}` }],
    ['a cursor of the other order', { cursor: 'before-1' }],
    ['a cursor of this order where the other is asked for', { cursor: 'after-1', state: 'all' }],
  ])('list - %s is refused', async (_, query) => {
    expect(await codeOf(house.desk.list(bob, query))).toBe('INVALID_INPUT')
  })
})

describe('list - pages', () => {
  let agent: TestAgent
  const hold = async (count: number): Promise<string[]> => {
    const ids: string[] = []
    for (let at = 0; at < count; at++) ids.push((await holdAction(agent)).requestId)
    return ids
  }
  const deny = (requestId: string | undefined) => reviewAs(house, 'bob', requestId ?? '', 'deny')

  beforeAll(async () => {
    house = await startHouse()
    bob = house.token('bob')
  })
  afterAll(() => house.stop())

  test('list - pages neither repeat nor leave out what stays, while requests come and go', async () => {
    agent = await house.agent('pager')
    const ids = await hold(7)
    const first = await house.desk.list(bob, { limit: 3 })
    expect(idsOf(first.requests)).toEqual(ids.slice(0, 3))
    expect(first.total).toBe(7)
    // The last one of the page goes, the next one goes, and another one comes.
    await deny(ids[2])
    await deny(ids[3])
    const [newest] = await hold(1)
    const second = await house.desk.list(bob, { limit: 3, cursor: first.next ?? '' })
    expect(idsOf(second.requests)).toEqual(ids.slice(4, 7))
    const third = await house.desk.list(bob, { limit: 3, cursor: second.next ?? '' })
    expect(idsOf(third.requests)).toEqual([newest])
    expect(third).not.toHaveProperty('next')
    expect(third.total).toBe(6)
  })

  test('list - newest first, what opens meanwhile does not push what was seen onto the next page', async () => {
    const { requests: all } = await house.desk.list(bob, { state: 'all' })
    const first = await house.desk.list(bob, { state: 'all', limit: 5 })
    await hold(2)
    const second = await house.desk.list(bob, { state: 'all', limit: 5, cursor: first.next ?? '' })
    expect([...idsOf(first.requests), ...idsOf(second.requests)]).toEqual(idsOf(all))
    expect(second).not.toHaveProperty('next')
    expect(second.total).toBe(all.length + 2)
  })

  test('list - a filter pages like everything else, and counts on whichever page', async () => {
    const other = await house.agent('other')
    const mine = [
      await holdAction(other),
      ...(await hold(2)),
      await holdAction(other),
      await holdAction(other),
    ]
      .filter((one) => typeof one !== 'string')
      .map(({ requestId }) => requestId)
    const query = { agent: 'other', limit: 2 }
    const first = await house.desk.list(bob, query)
    expect(first).toMatchObject({ total: 3, next: expect.any(String) })
    const second = await house.desk.list(bob, { ...query, cursor: first.next ?? '' })
    expect([...idsOf(first.requests), ...idsOf(second.requests)]).toEqual(mine)
    expect(second.total).toBe(3)
    expect(second).not.toHaveProperty('next')
  })

  test('list - a page that ends with the last request has no next', async () => {
    const { total } = await house.desk.list(bob)
    const page = await house.desk.list(bob, { limit: total })
    expect(page.requests).toHaveLength(total)
    expect(page).not.toHaveProperty('next')
    expect(await house.desk.list(bob, { limit: total - 1 })).toHaveProperty('next')
  })

  test('list - a cursor that all have passed is the end, and no fault', async () => {
    expect(await house.desk.list(bob, { cursor: 'after-999999999999999' })).toMatchObject({ requests: [] })
  })

  test('list - replicas give the same pages, and one cursor serves at each', async () => {
    await house.startBroker()
    await house.startBroker()
    const expected = await listed({ limit: 200 })
    for (let round = 0; round < 6; round++) {
      const first = await house.desk.list(bob, { limit: 4 })
      const second = await house.desk.list(bob, { limit: 200, cursor: first.next ?? '' })
      expect([...idsOf(first.requests), ...idsOf(second.requests)]).toEqual(expected)
    }
  })
})
