import { afterAll, beforeAll, expect, test } from 'vitest'
import { reviewAs } from '../support/held.ts'
import { POLICY, startHouse } from '../support/house.ts'
import { type Browser, codeOf } from './cookie-jar.ts'
import { type Scene, startScene } from './scene.ts'

let scene: Scene
let bob: Browser
beforeAll(async () => {
  // One agent asks for very much here.
  const policy = `${POLICY}quotas: { pending: 2000, perMinute: 10000 }\n`
  scene = await startScene({ house: await startHouse({ policy }) })
  bob = scene.browser('bob')
})
afterAll(() => scene.stop())

const rowsOf = (page: string): string[] =>
  [...page.matchAll(/data-request="([^"]+)"/g)].map(([, id = '']) => id)

test('console - an empty inbox says what will happen, an empty history what stays there', async () => {
  expect(await bob.page('/')).toContain('Nothing waits for you.')
  expect(await bob.page('/history')).toContain('Nothing has been decided')
})

test('console - what is for whoever looks stands first, what waits for others below', async () => {
  const forOthers = await scene.hold({ name: 'page_oncall' })
  const forBob = await scene.hold({ name: 'grant_role' })
  expect(rowsOf(await bob.page('/'))).toEqual([forBob, forOthers])
  expect(rowsOf(await scene.browser('carol').page('/'))).toEqual([forOthers, forBob])
  expect(rowsOf(await bob.page('/?show=all'))).toEqual([forOthers, forBob])
  expect(await bob.page('/')).toContain('<title>(1) Inbox')
})

test('console - filters and search narrow a list down, and stay in its form', async () => {
  const id = await scene.hold({ name: 'sql_query', kind: 'db', target: 'crm/customers' })
  for (const query of [
    'text=CRM',
    'kind=db',
    `text=${id}`,
    'kind=db&agent=support-agent&environment=prod&rule=defaults',
  ])
    expect(rowsOf(await bob.page(`/?${query}`)), query).toEqual([id])
  expect(rowsOf(await bob.page('/?kind=db&environment=staging'))).toEqual([])
  const page = await bob.page('/?kind=db&text=crm')
  expect(page).toContain('name="text" value="crm"')
  expect(page).toContain('data-live="/events?text=crm&amp;kind=db&amp;since=')
  for (const query of ['risk=enormous', 'cursor=..%2F', `text=${'x'.repeat(600)}`]) {
    const answer = await bob.get(`/?${query}`)
    expect([answer.status, codeOf(await answer.text())], query).toEqual([400, 'INVALID_INPUT'])
  }
})

test('console - what is decided moves to the history, newest first', async () => {
  const [first, second] = [await scene.hold({ name: 'one' }), await scene.hold({ name: 'two' })]
  await reviewAs(scene.house, 'carol', first, 'deny', 'no')
  await reviewAs(scene.house, 'carol', second)
  const page = await bob.page('/history')
  expect(rowsOf(page)).toEqual([second, first])
  expect(page).toMatch(/denied<\/span>/)
  expect(rowsOf(await bob.page('/?show=all'))).not.toContain(first)
})

test('console - agents, policy, ledger and help say what they are for', async () => {
  const agents = await bob.page('/agents')
  expect(agents).toContain('support-agent')
  expect(agents).toContain('alice (https://development.holdpoint.invalid)')
  const policy = await bob.page('/policy')
  expect(policy.match(/<li><code>/g)?.length).toBeGreaterThan(15)
  expect(policy).toMatch(/sha-256:[0-9a-f]{64}/)
  const ledger = await bob.page('/ledger')
  expect(ledger).toContain('test.invalid/holdpoint')
  expect(ledger).toMatch(/href="\/requests\/1-\w+"/)
  expect(await bob.page('/help')).toContain('<kbd>j</kbd>')
})

test('console - policy explains a request, and an action that is made up', async () => {
  const id = await scene.hold({ name: 'wire_money' })
  const held = await bob.page(`/policy/explain?request=${id}`)
  expect(held).toContain('Ruling: hold')
  expect(held).toContain('<b>two-people</b> <span class="verdict">matches</span>')
  const denied = await bob.page('/policy/explain?kind=tool&name=drop_all&arguments=%7B%22a%22%3A1%7D')
  expect(denied).toContain('Ruling: deny')
  expect(denied).toContain('Dropping is a change request.')
  const answer = await bob.get('/policy/explain?kind=tool&name=x&arguments=%7Bnope')
  expect([answer.status, codeOf(await answer.text())]).toEqual([400, 'INVALID_INPUT'])
})

test('console - with the broker away the page says so, and that nothing was decided', async () => {
  await scene.house.broker().stop()
  const answer = await bob.get('/')
  const page = await answer.text()
  expect([answer.status, codeOf(page)]).toEqual([503, 'BROKER_UNAVAILABLE'])
  expect(page).toContain('Nothing was decided.')
  await scene.house.startBroker()
  expect((await bob.get('/')).status).toBe(200)
}, 20_000)

test('console - with 1,000 requests waiting, a page has 50 of them and less than 100 kB, and leads to all', async () => {
  const own = await startScene({ house: scene.house })
  for (let done = 0; done < 1_000; done += 100)
    await Promise.all(
      Array.from({ length: 100 }, (_, at) =>
        own.hold({ name: `export_customers_${done + at}`, target: 'postgres://crm-prod.internal/customers' }),
      ),
    )
  const seen = new Set<string>()
  let path: string | undefined = '/'
  for (let pages = 0; path !== undefined && pages < 60; pages++) {
    const page: string = await bob.page(path.replaceAll('&amp;', '&'))
    expect(Buffer.byteLength(page)).toBeLessThan(100_000)
    const rows = rowsOf(page)
    expect(rows.length).toBeLessThanOrEqual(50)
    for (const id of rows) seen.add(id)
    path = /rel="next" href="([^"]+)"/.exec(page)?.[1]
  }
  expect(seen.size).toBeGreaterThanOrEqual(1_000)
}, 30_000)
