import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { holdAction } from '../support/held.ts'
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

test('without script - sign in, search, read, approve, find it in the history, sign out', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'export_invoices' }))
  const { requestId: other } = await holdAction(agent, attemptOf({ name: 'grant_role' }))
  const page = await scene.visitAs('bob', { javaScriptEnabled: false })
  await page.getByRole('searchbox').fill('invoices')
  await page.getByRole('searchbox').press('Enter')
  await rowOf(page, requestId).waitFor()
  expect(await rowOf(page, other).count()).toBe(0)

  await rowOf(page, requestId).getByRole('link').click()
  await page.getByText('"rows": 1200').waitFor()
  await decide(page, 'Approve', 'ticket 4711')
  expect(await page.locator('.status').textContent()).toContain('approved')
  expect(await approveOf(page).count()).toBe(0)
  await page.getByRole('link', { name: 'History' }).click()
  await rowOf(page, requestId).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
})

test('without script - deny with a reason, and the owner takes a request back', async () => {
  const { requestId: first } = await holdAction(agent)
  const { requestId: second } = await holdAction(agent)
  const bob = await scene.visitAs('bob', { javaScriptEnabled: false })
  await openFromInbox(bob, scene.url, first)
  await decide(bob, 'Deny', 'not on a Friday')
  expect(await bob.locator('.status').textContent()).toContain('denied')
  expect(await bob.locator('.timeline').textContent()).toContain('not on a Friday')

  const alice = await scene.visitAs('alice', { javaScriptEnabled: false })
  await alice.goto(`${scene.url}/requests/${second}`)
  await alice.getByRole('button', { name: 'Cancel this request' }).click()
  await alice.locator('.status.still').waitFor()
  const { summary } = await scene.house.desk.show(scene.house.token('bob'), second)
  expect(summary.state).toBe('cancelled')
})

test('without script - nothing on a page waits for one', async () => {
  const { requestId } = await holdAction(agent)
  const page = await scene.visitAs('bob', { javaScriptEnabled: false })
  for (const path of ['/', `/requests/${requestId}`, `/requests/${requestId}/full`, '/policy/explain']) {
    await page.goto(scene.url + path)
    for (const button of await page.getByRole('button').all())
      expect(await button.evaluate((one) => `${(one as unknown as { form: unknown }).form !== null}`)).toBe(
        'true',
      )
  }
})
