import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { holdAction, reviewAs } from '../support/held.ts'
import { HOSTILE_TEXTS, hostileAttempt } from '../support/hostile.ts'
import { attemptOf, type TestAgent } from '../support/house.ts'
import { findBarriersInBoth } from './support/axe.ts'
import { forcePost, formOf, refusalOf } from './support/card.ts'
import { findOverflow, findSmallTargets } from './support/layout.ts'
import { PHONE, type Scene, startScene } from './support/scene.ts'

let scene: Scene
let agent: TestAgent
const requests: Record<string, string> = {}

beforeAll(async () => {
  scene = await startScene()
  agent = await scene.house.agent('support-agent')
})
afterEach(async () => {
  expect(await scene.closeWindows()).toEqual([])
})
afterAll(() => scene.stop())

const WINDOWS: readonly (readonly [string, BrowserContextOptions])[] = [
  ['in a window', {}],
  ['on a phone', PHONE],
]
/** Twice as large as usual in a window of 1280 px (WCAG 1.4.4), and four times (WCAG 1.4.10). */
const ENLARGED = [640, 320]

/** What stands in the way of somebody on these pages, in light and in dark. */
async function visitAll(page: Page, paths: readonly string[]): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {}
  const size = page.viewportSize() ?? { width: 1280, height: 720 }
  for (const path of paths) {
    await page.goto(scene.url + path)
    const problems = await findBarriersInBoth(page)
    problems.push(...(await findOverflow(page)))
    problems.push(...(await findSmallTargets(page, 'a, button, summary, input, select, textarea', 24)))
    if (size.width < 500) problems.push(...(await findSmallTargets(page, '.verdicts button', 44)))
    else
      for (const width of ENLARGED) {
        await page.setViewportSize({ width, height: 400 })
        problems.push(...(await findOverflow(page)))
      }
    await page.setViewportSize(size)
    if (problems.length > 0) found[path] = problems
  }
  return found
}

test.each(WINDOWS)('accessible - while nothing has happened (%s)', async (_, options) => {
  const page = await scene.visitAs('bob', options)
  expect(await visitAll(page, ['/', '/history', '/agents', '/ledger'])).toEqual({})
})

test('accessible - with work for everybody', async () => {
  const hold = async (name: string, attempt = attemptOf()): Promise<string> =>
    (requests[name] = (await holdAction(agent, attempt)).requestId)
  const statement = 'The customer asked for a copy of their data.'
  const facts = [{ name: 'estimated rows', value: 1204, source: 'agent' as const }]
  await hold('pending', attemptOf({ target: 'crm.eu-west-1/customers' }, { statement, facts }))
  await hold('two', attemptOf({ name: 'wire_money', arguments: { amount: 9000 } }))
  await hold('secret', attemptOf({ name: 'rotate_secret', arguments: { password: 'hunter2', user: 'dana' } }))
  await hold('approved')
  await hold('denied')
  await reviewAs(scene.house, 'bob', requests.approved as string, 'approve', 'ticket 4711')
  await reviewAs(scene.house, 'carol', requests.denied as string, 'deny', 'not on a Friday')
  for (const name of [
    'an image that fails',
    'an argument of nearly 1 MB',
    'one very long word',
    'Cyrillic letters',
  ])
    await hold(name, hostileAttempt(HOSTILE_TEXTS.find((one) => one.name === name)?.text ?? ''))
  expect(Object.keys(requests)).toHaveLength(9)
})

test.each(WINDOWS)(
  'accessible - every page, in every state, for somebody who may decide (%s)',
  async (_, options) => {
    const page = await scene.visitAs('bob', options)
    const cards = Object.values(requests).map((id) => `/requests/${id}`)
    const lists = ['/', '/?show=all', '/?text=nothing-like-it', '/history', '/agents', '/ledger']
    const policy = ['/policy', '/policy/explain', `/policy/explain?request=${requests.pending}`]
    const wrong = ['/no-such-page', '/requests/1-none', '/?risk=enormous']
    const paths = [...cards, `${cards[0]}/full`, ...lists, ...policy, '/help', ...wrong]
    expect(await visitAll(page, paths)).toEqual({})
  },
)

test.each(WINDOWS)('accessible - the card for its owner, who may not decide (%s)', async (_, options) => {
  const page = await scene.visitAs('alice', options)
  expect(await visitAll(page, ['/', `/requests/${requests.pending}`])).toEqual({})
})

test.each(WINDOWS)(
  'accessible - signing in, here and at the development identity provider (%s)',
  async (_, options) => {
    const page = await scene.visit(options)
    expect(await visitAll(page, ['/sign-in', '/sign-in/callback'])).toEqual({})
    await page.goto(`${scene.url}/sign-in`)
    await page.getByRole('link', { name: /development sign-in/i }).click()
    await page.getByLabel('Passphrase').waitFor()
    expect([...(await findBarriersInBoth(page)), ...(await findOverflow(page))]).toEqual([])
  },
)

test('accessible - what is refused says so to somebody who cannot see it', async () => {
  const page = await scene.visitAs('bob')
  const { requestId } = await holdAction(agent)
  await page.goto(`${scene.url}/requests/${requestId}`)
  const fields = await formOf(page)
  await reviewAs(scene.house, 'carol', requestId, 'deny', 'no')
  await forcePost(page, `/requests/${requestId}/review`, { ...fields, verdict: 'approve' })
  expect(await refusalOf(page).textContent()).toBe('ALREADY_DECIDED')
  expect(await findBarriersInBoth(page)).toEqual([])
})
