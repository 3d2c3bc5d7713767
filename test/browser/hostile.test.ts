import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { holdAction } from '../support/held.ts'
import { HOSTILE_TEXTS, hostileAttempts } from '../support/hostile.ts'
import { approveOf, denyOf, formOf } from './support/card.ts'
import { findOverflow } from './support/layout.ts'
import { type Scene, startScene } from './support/scene.ts'

let scene: Scene
let held: { name: string; requestId: string }[]

beforeAll(async () => {
  scene = await startScene()
  const agent = await scene.house.agent('support-agent')
  held = []
  for (const { name, attempt } of hostileAttempts())
    held.push({ name, requestId: (await holdAction(agent, attempt)).requestId })
})
afterEach(async () => {
  expect(await scene.closeWindows()).toEqual([])
})
afterAll(() => scene.stop())

/** Must be nowhere in what a page says, whoever says it: what hides, or speaks to something else than eyes. */
const HIDDEN = HOSTILE_TEXTS.flatMap(({ raw, dangerousIn }) =>
  raw !== undefined && dangerousIn === 'everywhere' ? [raw] : [],
)

/** In words, what is wrong with a page that shows hostile text. */
async function findHarm(page: Page): Promise<string[]> {
  const { text, foreign } = await page.evaluate<{ text: string; foreign: string[] }>(`({
    text: document.documentElement.textContent + document.title,
    foreign: [...document.querySelectorAll('*')]
      .filter((one) =>
        one.matches('img, iframe, object, embed, base, meta[http-equiv], script:not([src]), style') ||
        [...one.attributes].some(({ name }) => name.startsWith('on') || name === 'style') ||
        [one.getAttribute('href'), one.getAttribute('action')].some((to) => to && new URL(to, location).origin !== location.origin))
      .map((one) => one.outerHTML.slice(0, 100)),
  })`)
  return [
    ...foreign.map((one) => `not ours: ${one}`),
    ...HIDDEN.filter((raw) => text.includes(raw)).map((raw) => `not visible: ${JSON.stringify(raw)}`),
    ...(await findOverflow(page)),
  ]
}

const WIDTHS = [
  { width: 1280, height: 720 },
  { width: 360, height: 740 },
]

/** What is wrong with the page in a wide window and in a narrow one. */
async function findHarmInWindows(page: Page): Promise<string[]> {
  const found: string[] = []
  for (const size of WIDTHS) {
    await page.setViewportSize(size)
    found.push(...(await findHarm(page)).map((harm) => `${size.width} px wide: ${harm}`))
  }
  return found
}

test('hostile - every card stays a card: nothing runs, nothing hides, nothing breaks out', async () => {
  const page = await scene.visitAs('bob')
  const harm: Record<string, string[]> = {}
  for (const { name, requestId } of held) {
    await page.goto(`${scene.url}/requests/${requestId}`)
    const found = await findHarmInWindows(page)
    // Exactly one form decides, whatever the card says.
    if ((await denyOf(page).count()) !== 1) found.push('there is not one Deny')
    if (found.length > 0) harm[name] = found
  }
  expect(harm).toEqual({})
})

test('hostile - lists and the policy’s explanation stay whole', async () => {
  const page = await scene.visitAs('bob')
  const harm: Record<string, string[]> = {}
  const { requestId } = held[0] as { requestId: string }
  for (const path of ['/', '/?show=all', '/agents', '/ledger', `/policy/explain?request=${requestId}`]) {
    await page.goto(scene.url + path)
    const found = await findHarmInWindows(page)
    if (found.length > 0) harm[path] = found
  }
  expect(harm).toEqual({})
})

test('hostile - what does not fit is approved on the page with all of it, and only there', async () => {
  const page = await scene.visitAs('bob')
  const { requestId } = held.find(({ name }) => name.includes('nearly 1 MB')) as { requestId: string }
  await page.goto(`${scene.url}/requests/${requestId}`)
  expect([await approveOf(page).count(), await denyOf(page).count()]).toEqual([0, 1])
  const { rendition } = await formOf(page)
  await page.getByRole('link', { name: 'Open everything to approve' }).click()
  await approveOf(page).waitFor()
  expect((await formOf(page)).rendition).not.toBe(rendition)
  expect(await findHarm(page)).toEqual([])
  await approveOf(page).click()
  await page.locator('.status.go').waitFor()
})
