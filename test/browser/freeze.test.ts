import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { holdAction, reviewAs } from '../support/held.ts'
import { attemptOf, POLICY, type TestAgent } from '../support/house.ts'
import { findBarriersInBoth } from './support/axe.ts'
import { refusalOf, rowOf } from './support/card.ts'
import { findOverflow, findSmallTargets } from './support/layout.ts'
import { PHONE, type Scene, startScene } from './support/scene.ts'

const TERMS = `
  - { id: parts, match: { kind: tool, name: move_money }, effect: hold, approvals: { all: [{ from: [sre] }, { from: [security-oncall] }], denials: 2 }, escalate: [{ after: 5m, to: [data-owners] }] }
`
let scene: Scene
let agent: TestAgent
beforeAll(async () => {
  scene = await startScene({ policy: POLICY.replace('rules:\n', `rules:${TERMS}`) })
  agent = await scene.house.agent('support-agent')
})
afterEach(async () => {
  expect(await scene.closeWindows()).toEqual([])
})
afterAll(() => scene.stop())

/** With the confirmation page before somebody. Resolves on the page that comes after. */
async function confirm(page: Page, name: RegExp, reason: string): Promise<void> {
  await page.getByLabel('Reason').fill(reason)
  await page.getByRole('button', { name }).click()
  await page.waitForLoadState()
}
const frozen = (page: Page) => page.getByRole('complementary', { name: 'Frozen' })

test('freeze - without script: one more question, a banner for everybody, and another person to end it', async () => {
  const { requestId } = await holdAction(agent)
  const bob = await scene.visitAs('bob', { javaScriptEnabled: false })
  await bob.getByRole('link', { name: 'Agents' }).click()
  await bob.getByRole('link', { name: 'Freeze … support-agent' }).click()
  await confirm(bob, /^Freeze/, 'incident 4711')
  expect(await frozen(bob).textContent()).toContain('support-agent is frozen')
  await bob.goto(`${scene.url}/requests/${requestId}`)
  expect(await bob.locator('.status').textContent()).toContain('cancelled')

  await bob.goto(`${scene.url}/agents`)
  await bob.getByRole('link', { name: 'Thaw … support-agent' }).click()
  await confirm(bob, /^Thaw/, 'it is fine')
  expect(await refusalOf(bob).textContent()).toBe('SELF_APPROVAL')
  const carol = await scene.visitAs('carol', { javaScriptEnabled: false })
  await carol.getByRole('link', { name: 'See under agents' }).click()
  await carol.getByRole('link', { name: 'Thaw … support-agent' }).click()
  await confirm(carol, /^Thaw/, 'credentials replaced')
  expect(await frozen(carol).count()).toBe(0)
})

test('freeze - an open inbox says so at once, without a reload, and again when it is over', async () => {
  const { requestId } = await holdAction(agent)
  const carol = await scene.visitAs('carol')
  await carol.locator('body.is-live').waitFor()
  await carol.evaluate('globalThis.neverReloaded = true')
  const { desk, token } = scene.house
  await desk.freeze({ token: token('bob'), frozen: true, channel: 'cli', reason: 'incident 4711' })
  await frozen(carol).getByText('Every agent is frozen').waitFor()
  await carol.getByRole('region', { name: 'Alarms' }).getByText('Bob Berger has frozen all agents').waitFor()
  await carol.locator(`[data-request="${requestId}"].is-over`).waitFor()
  expect(await findBarriersInBoth(carol)).toEqual([])
  await desk.freeze({ token: token('carol'), frozen: false, channel: 'cli' })
  await frozen(carol).waitFor({ state: 'detached' })
  expect(await carol.evaluate('globalThis.neverReloaded')).toBe(true)
})

test('revoke - an approval is taken back, and an open card says so', async () => {
  const { requestId } = await holdAction(agent)
  await reviewAs(scene.house, 'bob', requestId)
  const [bob, carol] = [await scene.visitAs('bob'), await scene.visitAs('carol')]
  for (const page of [bob, carol]) await page.goto(`${scene.url}/requests/${requestId}`)
  await bob.locator('body.is-live').waitFor()
  await carol.getByRole('button', { name: 'Revoke the approval' }).click()
  await carol.locator('.status.still').waitFor()
  await bob.getByText('approved, but taken back before it was used').waitFor()
  await bob.getByRole('button', { name: 'Revoke the approval' }).waitFor({ state: 'detached' })
})

test.each([
  ['in a window', {}],
  ['on a phone', PHONE],
])(
  'freeze - its pages, parts of a threshold and an erased request stand in nobody’s way (%s)',
  async (_, options) => {
    const { requestId: waiting } = await holdAction(agent, attemptOf({ name: 'move_money' }))
    const { requestId: erased } = await holdAction(agent)
    await reviewAs(scene.house, 'bob', erased, 'deny')
    const { desk, token } = scene.house
    const page = await scene.visitAs('bob', options)
    const found: Record<string, string[]> = {}
    const look = async (path: string): Promise<void> => {
      await page.goto(scene.url + path)
      const problems = [
        ...(await findBarriersInBoth(page)),
        ...(await findOverflow(page)),
        ...(await findSmallTargets(page, 'a, button, textarea', 24)),
      ]
      if (problems.length > 0) found[path] = problems
    }
    for (const path of [
      '/freeze',
      '/agents/support-agent/freeze',
      `/requests/${waiting}`,
      `/requests/${erased}/erase`,
    ])
      await look(path)
    await desk.erase({ requestId: erased, channel: 'cli', token: token('bob') })
    await look(`/requests/${erased}`)
    await desk.freeze({ token: token('bob'), agentId: 'support-agent', frozen: true, channel: 'cli' })
    await rowOf(page, waiting).count()
    for (const path of ['/', '/agents', '/agents/support-agent/thaw']) await look(path)
    await desk.freeze({ token: token('carol'), agentId: 'support-agent', frozen: false, channel: 'cli' })
    expect(found).toEqual({})
  },
)
