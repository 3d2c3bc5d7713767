import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, type TestAgent } from '../support/house.ts'
import { approveOf, decide, openFromInbox, rowOf } from './support/card.ts'
import { type Scene, startScene } from './support/scene.ts'

let scene: Scene
let agent: TestAgent

beforeAll(async () => {
  scene = await startScene()
  agent = await scene.house.agent('support-agent')
})
afterEach(async () => {
  expect(await scene.closeWindows()).toEqual([])
})
afterAll(() => scene.stop())

test('live - a new request appears in every open inbox, and what somebody else decides is marked, without a reload', async () => {
  const bob = await scene.visitAs('bob')
  const carol = await scene.visitAs('carol')
  await carol.evaluate('globalThis.neverReloaded = true')
  const { requestId } = await holdAction(agent, attemptOf({ name: 'grant_role' }))
  await rowOf(bob, requestId).waitFor()
  await rowOf(carol, requestId).waitFor()
  expect(await rowOf(carol, requestId).getAttribute('class')).toContain('waits')

  await rowOf(bob, requestId).getByRole('link').click()
  await decide(bob, 'Approve', 'ticket 4711')
  await carol.locator(`[data-request="${requestId}"].is-over`).waitFor()
  expect(await rowOf(carol, requestId).textContent()).toContain('approved')
  expect(await carol.evaluate('globalThis.neverReloaded')).toBe(true)
})

test('live - an open card says that somebody else has decided, and takes its buttons away', async () => {
  const { requestId } = await holdAction(agent)
  const carol = await scene.visitAs('carol')
  await openFromInbox(carol, scene.url, requestId)
  await approveOf(carol).waitFor()
  await carol.evaluate('globalThis.neverReloaded = true')
  await reviewAs(scene.house, 'bob', requestId, 'deny', 'not today')
  await carol.locator('.status.stop').waitFor()
  await approveOf(carol).waitFor({ state: 'hidden' })
  expect(await carol.getByRole('status').first().textContent()).toContain('denied')
  expect(await carol.evaluate('globalThis.neverReloaded')).toBe(true)
})

test('live - of two people that are needed, the second sees the first one’s approval arrive', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  const carol = await scene.visitAs('carol')
  await carol.goto(`${scene.url}/requests/${requestId}`)
  await carol.getByText('2 more approvals needed').waitFor()
  await reviewAs(scene.house, 'bob', requestId, 'approve', 'invoice checked')
  await carol.getByText('1 more approval needed').waitFor()
  await decide(carol, 'Approve', 'me too')
  expect(await carol.locator('.status').textContent()).toContain('approved')
})

/** Opens a page whose line to the server comes up only when `connect` is called. */
async function openUnheard(path: string): Promise<{ page: Page; connect: () => void }> {
  const page = await scene.visitAs('carol')
  const connected = Promise.withResolvers<void>()
  await page.route('**/events*', async (route) => {
    await connected.promise
    await route.continue()
  })
  await page.goto(scene.url + path)
  await page.evaluate('globalThis.neverReloaded = true')
  return { page, connect: connected.resolve }
}

test('live - what opens while a page is still on its way appears all the same', async () => {
  const { page, connect } = await openUnheard('/')
  const { requestId } = await holdAction(agent)
  expect(await rowOf(page, requestId).count()).toBe(0)
  connect()
  await rowOf(page, requestId).waitFor()
})

test('live - what is decided while a card is still on its way is seen all the same', async () => {
  const { requestId } = await holdAction(agent)
  const { page, connect } = await openUnheard(`/requests/${requestId}`)
  await reviewAs(scene.house, 'bob', requestId, 'deny', 'no')
  expect(await approveOf(page).isVisible()).toBe(true)
  connect()
  await page.locator('.status.stop').waitFor()
})

test('live - what happens while the line is cut is there once it is up again', async () => {
  const { requestId: known } = await holdAction(agent)
  const page = await scene.visitAs('carol')
  await page.locator('body.is-live').waitFor()
  let missed = ''
  await scene.whileCut(async () => {
    await page.locator('body:not(.is-live)').waitFor()
    missed = (await holdAction(agent)).requestId
    await reviewAs(scene.house, 'bob', known, 'deny', 'no')
  })
  await rowOf(page, missed).waitFor()
  await page.locator(`[data-request="${known}"].waits`).waitFor({ state: 'detached' })
  // The browser says what it could not reach, and the page nothing.
  const faults = await scene.closeWindows()
  expect(faults.filter((fault) => !/^error: Failed to load resource: net::ERR_/.test(fault))).toEqual([])
})

test('live - what somebody types stays while others decide', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  const carol = await scene.visitAs('carol')
  await carol.goto(`${scene.url}/requests/${requestId}`)
  await carol.locator('body.is-live').waitFor()
  await carol.getByLabel('Reason').fill('the invoice is')
  await reviewAs(scene.house, 'bob', requestId, 'approve', 'invoice checked')
  await carol.getByText('1 more approval needed').waitFor()
  expect(await carol.getByLabel('Reason').inputValue()).toBe('the invoice is')
})
