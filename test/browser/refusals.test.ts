import { createServer } from 'node:http'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { holdAction, reviewAs } from '../support/held.ts'
import type { TestAgent } from '../support/house.ts'
import { approveOf, decide, denyOf, forcePost, formOf, openFromInbox, refusalOf } from './support/card.ts'
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

const stateOf = async (requestId: string): Promise<string> =>
  (await scene.house.desk.show(scene.house.token('carol'), requestId)).summary.state

test('refused - the agent’s owner is told why there is no Approve, and a post by force is refused as well', async () => {
  const { requestId } = await holdAction(agent)
  const bob = await scene.visitAs('bob')
  await openFromInbox(bob, scene.url, requestId)
  const fields = await formOf(bob)

  const alice = await scene.visitAs('alice')
  await alice.goto(`${scene.url}/requests/${requestId}`)
  await alice.getByText('SELF_APPROVAL').waitFor()
  expect([await approveOf(alice).count(), await denyOf(alice).count()]).toEqual([0, 0])
  const csrf = await alice.locator('input[name=csrf]').first().inputValue()
  await forcePost(alice, `/requests/${requestId}/review`, { ...fields, csrf, verdict: 'approve' })
  expect(await refusalOf(alice).textContent()).toBe('SELF_APPROVAL')
  expect(await stateOf(requestId)).toBe('pending')
})

test('refused - another session’s form is nobody else’s', async () => {
  const { requestId } = await holdAction(agent)
  const bob = await scene.visitAs('bob')
  await openFromInbox(bob, scene.url, requestId)
  const fields = await formOf(bob)
  const carol = await scene.visitAs('carol')
  await carol.goto(`${scene.url}/requests/${requestId}`)
  await forcePost(carol, `/requests/${requestId}/review`, { ...fields, verdict: 'approve' })
  await carol.getByText('CROSS_SITE').waitFor()
  expect(await stateOf(requestId)).toBe('pending')
})

test('refused - a page that was open before somebody else decided approves nothing', async () => {
  const { requestId } = await holdAction(agent)
  const carol = await scene.visitAs('carol', { javaScriptEnabled: false })
  await openFromInbox(carol, scene.url, requestId)
  await reviewAs(scene.house, 'bob', requestId, 'deny', 'no')
  await approveOf(carol).click()
  expect(await refusalOf(carol).textContent()).toBe('ALREADY_DECIDED')
  expect(await stateOf(requestId)).toBe('denied')
})

test('refused - the back button after a decision brings back no Approve that works', async () => {
  const { requestId } = await holdAction(agent)
  const bob = await scene.visitAs('bob')
  await openFromInbox(bob, scene.url, requestId)
  const fields = await formOf(bob)
  await decide(bob, 'Approve', 'ticket 4711')
  await bob.goBack()
  await bob.locator('.status.go').waitFor()
  expect(await approveOf(bob).isVisible()).toBe(false)
  await forcePost(bob, `/requests/${requestId}/review`, { ...fields, verdict: 'deny' })
  expect(await refusalOf(bob).textContent()).toMatch(/^ALREADY_(DECIDED|REVIEWED)$/)
  expect(await stateOf(requestId)).toBe('approved')
})

test('refused - another site’s page can neither show the console in a frame nor post into it', async () => {
  const { requestId } = await holdAction(agent)
  const bob = await scene.visitAs('bob')
  await openFromInbox(bob, scene.url, requestId)
  const fields = await formOf(bob)
  const inputs = Object.entries({ ...fields, verdict: 'approve' })
    .map(([name, value]) => `<input name="${name}" value="${value}">`)
    .join('')
  const evil = createServer((_, response) =>
    response
      .setHeader('content-type', 'text/html')
      .end(
        `<iframe src="${scene.url}/requests/${requestId}"></iframe><form method="post" action="${scene.url}/requests/${requestId}/review">${inputs}<button>Win</button></form>`,
      ),
  )
  await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve))
  const { port } = evil.address() as { port: number }
  // Its cookies, but a page that is not watched: the browser complains of what it refuses, as it should.
  const context = await scene.browser.newContext({ storageState: await bob.context().storageState() })
  const page = await context.newPage()
  await page.goto(`http://127.0.0.1:${port}/`)
  const framed = page.frames()[1]
  expect(framed?.url()).toMatch(/^chrome-error:/)
  expect(await framed?.content()).not.toContain('Approve')
  await page.getByRole('button', { name: 'Win' }).click()
  await page.getByText('CROSS_SITE').waitFor()
  evil.close()
  evil.closeAllConnections()
  expect(await stateOf(requestId)).toBe('pending')
})

test('refused - a script that got into a page would not run', async () => {
  const page = await scene.visitAs('bob')
  const context = await scene.browser.newContext({ storageState: await page.context().storageState() })
  const owned = await context.newPage()
  const complaints: string[] = []
  owned.on('console', (message) => complaints.push(message.text()))
  await owned.route(`${scene.url}/`, async (route) => {
    const response = await route.fetch()
    const body = (await response.text()).replace(
      '</main>',
      '<script>document.title = "owned"</script><img src="x" onerror="document.title = 1"></main>',
    )
    await route.fulfill({ response, body })
  })
  await owned.goto(`${scene.url}/`)
  expect(await owned.title()).toContain('Inbox')
  expect(complaints.join('\n')).toContain('Content Security Policy')
})

test('refused - whoever follows every link of the console has changed nothing', async () => {
  const { requestId } = await holdAction(agent)
  const bob = await scene.visitAs('bob')
  const sizeOf = async () => (await scene.house.desk.ledger(scene.house.token('bob'))).size
  const before = await sizeOf()
  const [seen, next] = [new Set<string>(), [`${scene.url}/`, `${scene.url}/requests/${requestId}`]]
  for (let address = next.pop(); address !== undefined; address = next.pop()) {
    const [path = ''] = address.split('#')
    // Each kind of page once: lists have no end.
    const kind = new URL(path).pathname.replace(/\/requests\/[^/]+/, '/requests/:id')
    if (seen.has(kind) || new URL(path).origin !== scene.url) continue
    seen.add(kind)
    await bob.goto(path)
    for (const link of await bob.locator('a[href]').all())
      next.push(new URL((await link.getAttribute('href')) ?? '', path).href)
  }
  expect([...seen].sort()).toEqual(expect.arrayContaining(['/', '/agents', '/history', '/ledger', '/policy']))
  expect(await sizeOf()).toBe(before)
  expect(await stateOf(requestId)).toBe('pending')
})
