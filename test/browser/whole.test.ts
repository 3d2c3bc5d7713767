import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { readRunning } from '#runtime'
import { endOf } from '../support/broker-process.ts'
import { type Running, startProgram } from '../support/program.ts'
import { findBarriersInBoth } from './support/axe.ts'
import { decide } from './support/card.ts'
import { takePicture } from './support/pictures.ts'
import { openWindows } from './support/scene.ts'

// `holdpoint up` as a person starts it, ClickHouse included, and the demo's agent as a process of its own.
const PORTS = ['NATS', 'IDENTITY', 'HTTP', 'CLICKHOUSE', 'PIPELINE'].map((name) => [
  `HOLDPOINT_${name}_PORT`,
  '0',
])
const ROOT = join(import.meta.dirname, '../..')
const REGISTER = ['agent', 'add', 'support-agent', '--owner', 'alice', '--environment', 'prod', '--json']

let cwd: string
const started: Running[] = []
let windows: Awaited<ReturnType<typeof openWindows>>
let variables: Record<string, string>

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'holdpoint-whole-'))
  copyFileSync(join(ROOT, 'src/main/demo/policy.yaml'), join(cwd, 'policy.yaml'))
  const up = start('src/main/holdpoint.ts', ['up'], { cwd, env: Object.fromEntries(PORTS) })
  await up.said('Holdpoint is up')
  variables = JSON.parse((await start('src/main/holdpoint.ts', REGISTER, { cwd }).finished).stdout)
  const { http, identity } = readRunning(join(cwd, '.holdpoint')) ?? {}
  windows = await openWindows({
    url: http?.url ?? '',
    identityUrl: identity?.url ?? '',
    passphrase: readFileSync(join(cwd, '.holdpoint/people/passphrase'), 'utf8').trim(),
  })
})
afterEach(async () => {
  expect(await windows.closeWindows()).toEqual([])
})
afterAll(async () => {
  await windows?.stop()
  for (const { child } of started) await endOf(child)
  rmSync(cwd, { recursive: true, force: true })
})

function start(...program: Parameters<typeof startProgram>): Running {
  const running = startProgram(...program)
  started.push(running)
  return running
}

/** Opens the card of the one waiting request with that name; it appears by itself. */
async function openCard(page: Page, name: string): Promise<void> {
  await page.goto(`${windows.url}/`)
  await page.getByRole('link', { name }).click()
  await page.getByRole('heading', { level: 1, name }).waitFor()
}

/** What the agent did and said, a line of JSON each; its SDKs may print, too. */
const linesOf = (agent: Running): Record<string, unknown>[] =>
  agent
    .stdout()
    .split('\n')
    .flatMap((line) => (line.startsWith('{"') ? [JSON.parse(line)] : []))
const effectsOf = (agent: Running): unknown[] => linesOf(agent).flatMap(({ effect }) => effect ?? [])

test('whole - a person approves one action and denies another: the agent goes on with one, and its model is told why not the other', async () => {
  const page = await windows.visitAs('bob')
  // From the project's folder, where the agent's SDK for traces is found.
  const env = { ...variables, OTEL_SERVICE_NAME: 'support' }
  const agent = start('src/main/demo/agent.ts', [], { cwd: ROOT, env, gated: true })
  await openCard(page, 'export_customers')
  expect(effectsOf(agent)).toEqual(['lookup_customer'])
  await decide(page, 'Approve', 'ticket 4711')
  const approved = page.url().split('#')[0] as string
  await openCard(page, 'grant_role')
  await decide(page, 'Deny', 'Dana left the team in June')
  expect((await agent.finished).code).toBe(0)

  expect(effectsOf(agent)).toEqual(['lookup_customer', 'export_customers'])
  const told = JSON.stringify(linesOf(agent).find(({ tool }) => tool === 'grant_role'))
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
