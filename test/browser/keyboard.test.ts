import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { holdAction } from '../support/held.ts'
import { attemptOf, type TestAgent } from '../support/house.ts'
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

/** Tabs on until this is focused, as somebody does who sees where the focus is: each stop has to show itself. */
async function tabTo(page: Page, what: RegExp): Promise<void> {
  for (let stops = 0; stops < 60; stops++) {
    await page.keyboard.press('Tab')
    const { name, isSeen } = await page.evaluate<{ name: string; isSeen: boolean }>(`(() => {
      const at = document.activeElement
      const { outlineStyle, boxShadow } = getComputedStyle(at)
      const label = at.labels?.[0]?.textContent ?? at.getAttribute('aria-label') ?? at.textContent
      return { name: label, isSeen: at === document.body || outlineStyle !== 'none' || boxShadow !== 'none' }
    })()`)
    expect(isSeen, `the focus on "${name}" cannot be seen`).toBe(true)
    if (what.test(name)) return
  }
  throw new Error(`nothing by the name of ${what} can be reached`)
}

test('keyboard - from signing in to a decision without a mouse', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'grant_role' }))
  const page = await scene.visit()
  await page.goto(`${scene.url}/`)
  await tabTo(page, /Development sign-in/)
  await page.keyboard.press('Enter')
  await page.getByLabel('Passphrase').waitFor()
  await page.keyboard.type(readFileSync(scene.house.home.path('people/passphrase'), 'utf8').trim())
  await tabTo(page, /Bob Berger/)
  await page.keyboard.press('Enter')
  await page.waitForURL(`${scene.url}/`)
  await tabTo(page, /grant_role/)
  await page.keyboard.press('Enter')
  await page.waitForURL(`${scene.url}/requests/${requestId}`)
  await tabTo(page, /^Reason/)
  await page.keyboard.type('not without a ticket')
  await tabTo(page, /^Deny$/)
  await page.keyboard.press('Enter')
  await page.locator('.status.stop').waitFor()
  const { summary, timeline } = await scene.house.desk.show(scene.house.token('bob'), requestId)
  expect(summary.state).toBe('denied')
  expect(timeline.find(({ type }) => type === 'review')?.reason).toBe('not without a ticket')
})

test('keyboard - the first stop leads past the navigation to the content', async () => {
  const page = await scene.visitAs('bob')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  expect(await page.evaluate('document.activeElement.id')).toBe('main')
})

test('keyboard - shortcuts lead through the list, to the card, to its buttons, and none of them decides', async () => {
  const { requestId } = await holdAction(agent)
  const { requestId: second } = await holdAction(agent)
  const page = await scene.visitAs('bob')
  await page.goto(`${scene.url}/`)
  await page.keyboard.press('j')
  expect(await page.evaluate('document.activeElement.href')).toContain(requestId)
  await page.keyboard.press('j')
  expect(await page.evaluate('document.activeElement.href')).toContain(second)
  await page.keyboard.press('k')
  await page.keyboard.press('Enter')
  await page.waitForURL(`${scene.url}/requests/${requestId}`)
  await page.keyboard.press('a')
  expect(await page.evaluate('document.activeElement.id')).toBe('approve')
  await page.keyboard.press('d')
  await page.keyboard.type('a j k ? g h /')
  expect(await page.getByLabel('Reason').inputValue()).toBe('a j k ? g h /')
  await page.keyboard.press('Escape')
  await page.keyboard.press('g')
  await page.keyboard.press('h')
  await page.waitForURL(`${scene.url}/history`)
  await page.keyboard.press('/')
  expect(await page.evaluate('document.activeElement.id')).toBe('search')
  await page.keyboard.press('Escape')
  await page.keyboard.press('?')
  await page.waitForURL(`${scene.url}/help`)
  const { summary } = await scene.house.desk.show(scene.house.token('bob'), requestId)
  expect(summary.state).toBe('pending')
})
