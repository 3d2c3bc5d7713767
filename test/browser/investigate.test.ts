import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { INCIDENTS, type SeedReport, seedStore } from '#seed'
import { createStore, type Store } from '#store'
import { type RunningEngine, startEngine } from '../store/engine-fixture.ts'
import { findBarriersInBoth } from './support/axe.ts'
import { findOverflow, findSmallTargets } from './support/layout.ts'
import { takePicture } from './support/pictures.ts'
import { PHONE, type Scene, startScene } from './support/scene.ts'

let running: RunningEngine
let reader: Store
let seeded: SeedReport
let scene: Scene

/** A Thursday's evening: the week before it has something of everything. */
const ENDS_AT_MS = Date.UTC(2026, 10, 19, 18)
const WEEK = 'from=2026-11-12T18:00&to=2026-11-19T18:00'

beforeAll(async () => {
  running = await startEngine()
  const options = { spans: 4_000, seed: 1, endsAtMs: ENDS_AT_MS, incidents: INCIDENTS }
  seeded = await seedStore(running.engine.writer, options)
  reader = createStore(running.engine.reader)
  scene = await startScene({ store: reader })
})
afterEach(async () => {
  expect(await scene.closeWindows()).toEqual([])
})
afterAll(async () => {
  await scene?.stop()
  await reader?.close()
  await running?.stop()
})

const planted = (name: string) => {
  const found = seeded.incidents.find(({ incident }) => incident === name)
  if (found === undefined) throw new Error(`nothing was planted as ${name}`)
  return found
}
const traceOf = (name: string): string => `/traces/${planted(name).traceIds[0]}`
const rowTo = (page: Page, address: string) =>
  page.locator('tbody tr', { has: page.locator(`a[href="${address}"]`) })

test('investigation - in a week of traffic somebody finds what went round the gate, and who was asked', async () => {
  const page = await scene.visitAs('bob')
  await page.getByRole('link', { name: 'Violations' }).click()
  await page.goto(`${scene.url}/violations?${WEEK}`)
  for (const [incident, word] of [
    ['forged-approval', 'forged'],
    ['ungated-role-policy', 'missing'],
    ['replayed-approval', 'replayed'],
    ['unbound-approval', 'unbound'],
  ] as const)
    expect(await rowTo(page, traceOf(incident)).first().locator('.badge').first().textContent()).toContain(
      word,
    )

  await rowTo(page, traceOf('forged-approval')).first().getByRole('link', { name: 'Trace' }).click()
  await page.waitForURL(`${scene.url}${traceOf('forged-approval')}`)
  expect(await page.locator('.sides').first().textContent()).toMatch(/denied by .*forged/s)
})

test('investigation - the export of a quiet night is found by its name, with who released it', async () => {
  const page = await scene.visitAs('bob')
  await page.goto(`${scene.url}/actions?${WEEK}`)
  await page.getByRole('searchbox').fill('export_customers')
  await page.getByRole('searchbox').press('Enter')
  await page.waitForURL(/text=export_customers/)
  const row = rowTo(page, traceOf('night-export'))
  expect(await row.locator('.authorized').textContent()).toMatch(/\w+ \w+/)
  expect(await row.locator('.verified').textContent()).toContain('verified')
})

test('investigation - without script: filters, pages and traces', async () => {
  const page = await scene.visitAs('bob', { javaScriptEnabled: false })
  await page.goto(`${scene.url}/actions?${WEEK}&show=all`)
  await page.getByLabel('Ruling').selectOption('hold')
  await page.getByRole('button', { name: 'Show' }).click()
  const first = await page.locator('tbody tr').count()
  expect(first).toBe(50)
  await page.getByRole('link', { name: 'Older' }).click()
  expect(await page.locator('.ruled .badge', { hasText: 'allow' }).count()).toBe(0)
  await page.getByRole('link', { name: 'Newest' }).click()
  await page
    .locator('tbody tr')
    .first()
    .getByRole('link', { name: /^Trace/ })
    .click()
  await page.getByRole('heading', { name: 'Trace' }).waitFor()
})

test('investigation - keys lead to both pages and from row to row', async () => {
  const page = await scene.visitAs('bob')
  await page.keyboard.press('g')
  await page.keyboard.press('v')
  await page.waitForURL(`${scene.url}/violations`)
  await page.keyboard.press('g')
  await page.keyboard.press('w')
  await page.waitForURL(`${scene.url}/actions`)
  await page.goto(`${scene.url}/actions?${WEEK}`)
  await page.keyboard.press('j')
  await page.keyboard.press('j')
  expect(await page.evaluate('document.activeElement.closest("tr").rowIndex')).toBe(2)
})

const WINDOWS: readonly (readonly [string, BrowserContextOptions])[] = [
  ['in a window', {}],
  ['on a phone', PHONE],
]

test.each(WINDOWS)(
  'investigation - nothing is in anybody’s way (%s)',
  async (_, options) => {
    const page = await scene.visitAs('bob', options)
    const size = page.viewportSize() ?? { width: 1280, height: 720 }
    for (const path of [
      `/actions?${WEEK}`,
      `/actions?${WEEK}&show=all&ruling=deny`,
      '/actions?text=nothing-like-it',
      '/actions?from=yesterday',
      `/violations?${WEEK}`,
      `/violations?${WEEK}&verification=forged`,
      '/violations?to=2020-01-01',
      traceOf('forged-approval'),
      `/traces/${'7'.repeat(32)}`,
    ]) {
      await page.goto(scene.url + path)
      const problems = await findBarriersInBoth(page)
      problems.push(...(await findOverflow(page)))
      problems.push(...(await findSmallTargets(page, 'a, button, summary, input, select', 24)))
      for (const width of size.width > 500 ? [1024, 800, 640, 320] : []) {
        await page.setViewportSize({ width, height: 600 })
        problems.push(...(await findOverflow(page)))
      }
      await page.setViewportSize(size)
      expect(problems, path).toEqual([])
    }
  },
  180_000,
)

const LOOKS: readonly (readonly [string, BrowserContextOptions])[] = [
  ['light', { colorScheme: 'light', viewport: { width: 1280, height: 720 } }],
  ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 720 } }],
  ['phone', { ...PHONE, colorScheme: 'light', deviceScaleFactor: 1.5 }],
]

test.each(LOOKS)('investigation - pictures (%s)', async (look, options) => {
  const page = await scene.visitAs('bob', options)
  for (const [name, path] of [
    ['actions', '/actions?from=2026-11-12T18:00&to=2026-11-17T15:45'],
    ['violations', `/violations?${WEEK}`],
  ] as const) {
    await page.goto(scene.url + path)
    await page.getByText('Filters', { exact: true }).click()
    expect(await takePicture(page, `${name}-${look}`)).toBeGreaterThan(10_000)
  }
})
