import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Player, type Stage, setStage } from '../../src/main/demo/stage.ts'
import { findBarriersInBoth } from './support/axe.ts'
import { decide } from './support/card.ts'
import { takePicture } from './support/pictures.ts'
import { openWindows } from './support/scene.ts'

// Everything that `holdpoint up` starts, ClickHouse included, and the demo's agent as a process of its own.
const PORTS = ['NATS', 'IDENTITY', 'HTTP', 'CLICKHOUSE', 'PIPELINE'].map((name) => [
  `HOLDPOINT_${name}_PORT`,
  '0',
])

let dataDir: string
let stage: Stage
let windows: Awaited<ReturnType<typeof openWindows>>

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'holdpoint-browser-'))
  stage = await setStage(dataDir, { PATH: process.env.PATH, ...Object.fromEntries(PORTS) }, Date.now)
  const { http, identity } = stage.running
  windows = await openWindows({
    url: http?.url ?? '',
    identityUrl: identity?.url ?? '',
    passphrase: stage.passphrase,
  })
})
afterEach(async () => {
  expect(await windows.closeWindows()).toEqual([])
})
afterAll(async () => {
  await windows?.stop()
  await stage?.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

/** Opens the card of the one waiting request with that name; it appears by itself. */
async function openCard(page: Page, name: string): Promise<void> {
  await page.goto(`${windows.url}/`)
  await page.getByRole('link', { name }).click()
  await page.getByRole('heading', { level: 1, name }).waitFor()
}

const effectsOf = ({ lines }: Player): unknown[] => lines.flatMap(({ effect }) => effect ?? [])

test('whole - a person approves one action and denies another: the agent goes on with one, and its model is told why not the other', async () => {
  const page = await windows.visitAs('bob')
  const agent = stage.play('./agent.ts')
  await openCard(page, 'export_customers')
  expect(effectsOf(agent)).toEqual(['lookup_customer'])
  await decide(page, 'Approve', 'ticket 4711')
  const approved = page.url().split('#')[0] as string
  await openCard(page, 'grant_role')
  await decide(page, 'Deny', 'Dana left the team in June')
  expect(await agent.ended).toBe(0)

  expect(effectsOf(agent)).toEqual(['lookup_customer', 'export_customers'])
  const told = JSON.stringify(agent.lines.find(({ tool }) => tool === 'grant_role'))
  expect(told).toContain('APPROVAL_DENIED')
  expect(told).toContain('Dana left the team in June')

  await page.goto(approved)
  expect(await page.locator('.status').textContent()).toContain('executed')
  await expectTrace(page)
  expect(await findBarriersInBoth(page)).toEqual([])
  await page.emulateMedia({ colorScheme: 'light' })
  expect(await takePicture(page, 'trace', { clip: await boxOf(page, '#trace') })).toBeGreaterThan(10_000)
})

/** Spans arrive when the agent has ended and the pipeline has judged them; the page is asked again until then. */
async function expectTrace(page: Page): Promise<void> {
  const trace = page.locator('#trace')
  for (let tries = 0; tries < 40; tries++) {
    if ((await trace.textContent())?.includes('verified')) break
    await page.waitForTimeout(250)
    await page.reload()
  }
  const span = trace.getByRole('listitem').filter({ hasText: 'execute_tool export_customers' })
  const text = (await span.locator('.sides').textContent()) ?? ''
  expect(text).toMatch(/Acted support-agent/)
  expect(text).toMatch(/Authorized Bob Berger/)
  expect(text).toMatch(/Became executed/)
  expect(text).toMatch(/Verified verified/)
}

/** Where an element stands on the whole page, which has to be as high as that. */
async function boxOf(page: Page, selector: string) {
  const { width, height } = (await page.locator(selector).boundingBox()) ?? { width: 0, height: 0 }
  await page.setViewportSize({ width: 1280, height: Math.ceil(height) + 400 })
  await page.locator(selector).scrollIntoViewIfNeeded()
  const { x = 0, y = 0 } = (await page.locator(selector).boundingBox()) ?? {}
  return { x, y, width, height }
}
