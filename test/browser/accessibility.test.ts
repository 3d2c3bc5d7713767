import type { BrowserContextOptions } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { holdAction, reviewAs } from '../support/held.ts'
import { HOSTILE_TEXTS, hostileAttempt } from '../support/hostile.ts'
import { attemptOf, type TestAgent } from '../support/house.ts'
import { findBarriers } from './support/axe.ts'
import { findOverflow, findSmallTargets } from './support/layout.ts'
import { type Person, PHONE, type Scene, startScene } from './support/scene.ts'

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

const LOOKS: readonly (readonly [string, BrowserContextOptions])[] = [
  ['light', { colorScheme: 'light' }],
  ['dark', { colorScheme: 'dark' }],
  ['phone', PHONE],
  ['dark phone', { ...PHONE, colorScheme: 'dark' }],
  ['twice as large', { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }],
]

/** What stands in the way of somebody on these pages. */
async function visitAll(person: Person, options: BrowserContextOptions, paths: readonly string[]) {
  const page = await scene.visitAs(person, options)
  const found: Record<string, string[]> = {}
  for (const path of paths) {
    await page.goto(scene.url + path)
    const problems = [
      ...(await findBarriers(page)),
      ...(await findOverflow(page)),
      ...(await findSmallTargets(page, 'a, button, summary, input, select, textarea', 24)),
      ...(options.hasTouch ? await findSmallTargets(page, '.verdicts button', 44) : []),
    ]
    if (problems.length > 0) found[path] = problems
  }
  return found
}

test.each(LOOKS)('accessible - while nothing has happened: inbox and history (%s)', async (_, options) => {
  expect(await visitAll('bob', options, ['/', '/history', '/agents', '/ledger'])).toEqual({})
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

test.each(LOOKS)(
  'accessible - every page, in every state, for somebody who may decide (%s)',
  async (_, options) => {
    const cards = Object.values(requests).map((id) => `/requests/${id}`)
    const others = [
      '/',
      '/?show=all',
      '/?text=nothing-like-it',
      '/history',
      '/agents',
      '/policy',
      '/policy/explain',
    ]
    const more = [`/policy/explain?request=${requests.pending}`, '/ledger', '/help']
    const wrong = ['/no-such-page', '/requests/1-none', '/?risk=enormous']
    expect(
      await visitAll('bob', options, [...cards, `${cards[0]}/full`, ...others, ...more, ...wrong]),
    ).toEqual({})
  },
)

test.each(LOOKS)('accessible - the card for its owner, who may not decide (%s)', async (_, options) => {
  expect(await visitAll('alice', options, ['/', `/requests/${requests.pending}`])).toEqual({})
})

test.each(LOOKS)(
  'accessible - signing in, here and at the development identity provider (%s)',
  async (_, options) => {
    const page = await scene.visit(options)
    await page.goto(`${scene.url}/sign-in`)
    expect([...(await findBarriers(page)), ...(await findOverflow(page))]).toEqual([])
    await page.getByRole('link', { name: /development sign-in/i }).click()
    await page.getByLabel('Passphrase').waitFor()
    expect([...(await findBarriers(page)), ...(await findOverflow(page))]).toEqual([])
  },
)
