import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { holdAction } from '../support/held.ts'
import type { TestAgent } from '../support/house.ts'
import { approveOf, openFromInbox } from './support/card.ts'
import { type Person, type Scene, startScene } from './support/scene.ts'

const HOUR_MS = 3_600_000

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

async function signedIn(person: Person): Promise<Page> {
  const page = await scene.visit()
  await scene.signIn(page, person)
  return page
}

const stateOf = async (requestId: string): Promise<string> =>
  (await scene.house.desk.show(scene.house.token('carol'), requestId)).summary.state

test('session - whoever signs in is brought to the page that they had asked for', async () => {
  const { requestId } = await holdAction(agent)
  const page = await scene.visit()
  await page.goto(`${scene.url}/requests/${requestId}`)
  expect(await page.getByText('export_customers').count()).toBe(0)
  await scene.signInHere(page, 'bob')
  await page.waitForURL(`${scene.url}/requests/${requestId}`)
  await approveOf(page).waitFor()
})

test('session - signing out ends it in the other tab, too: nothing more is shown, nothing can be decided', async () => {
  const { requestId } = await holdAction(agent)
  const one = await signedIn('bob')
  const other = await one.context().newPage()
  await openFromInbox(other, scene.url, requestId)
  await one.getByRole('button', { name: 'Sign out' }).click()
  await one.getByRole('link', { name: /development sign-in/i }).waitFor()
  await approveOf(other).click()
  await other.getByText('UNAUTHENTICATED').waitFor()
  expect(await stateOf(requestId)).toBe('pending')
  await other.goto(`${scene.url}/requests/${requestId}`)
  expect(await other.getByText('export_customers').count()).toBe(0)
})

test('session - the back button after signing out shows no card', async () => {
  const { requestId } = await holdAction(agent)
  const page = await signedIn('bob')
  await openFromInbox(page, scene.url, requestId)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('link', { name: /development sign-in/i }).waitFor()
  await page.goBack()
  expect(await page.getByText('export_customers').count()).toBe(0)
})

test('session - a cookie that another browser brings along is worth nothing, and from then on nobody’s', async () => {
  const page = await signedIn('bob')
  const stolen = await scene.visit({
    storageState: await page.context().storageState(),
    userAgent: 'Another Browser/1.0',
  })
  await stolen.goto(`${scene.url}/`)
  await stolen.getByRole('link', { name: /development sign-in/i }).waitFor()
  await page.goto(`${scene.url}/`)
  await page.getByRole('link', { name: /development sign-in/i }).waitFor()
})

test('session - one that has expired says so, and decides nothing', async () => {
  const { requestId } = await holdAction(agent)
  const page = await signedIn('carol')
  await openFromInbox(page, scene.url, requestId)
  scene.passTime(13 * HOUR_MS)
  await approveOf(page).click()
  await page.getByText('UNAUTHENTICATED').waitFor()
  expect(await stateOf(requestId)).toBe('pending')
})
