import { afterAll, beforeAll, expect, test } from 'vitest'
import { reviewAs } from '../support/held.ts'
import { type Browser, codeOf, fieldsOf } from './cookie-jar.ts'
import { type Scene, startScene } from './scene.ts'

let scene: Scene
let bob: Browser
let carol: Browser
beforeAll(async () => {
  scene = await startScene()
  ;[bob, carol] = [scene.browser('bob'), scene.browser('carol')]
})
afterAll(() => scene.stop())

const stateOf = async (requestId: string) =>
  (await scene.house.desk.show(scene.house.token('bob'), requestId)).summary.state
const isFrozen = async (agentId = 'support-agent') => {
  const { agents } = await scene.house.desk.agents(scene.house.token('bob'))
  return agents.some((one) => one.agentId === agentId && one.frozen !== undefined)
}
/** What the confirmation page would send. */
const formOf = async (browser: Browser, path: string) => fieldsOf(await browser.page(path), path)

test('console - an agent is frozen after one more question, and every page says so until somebody else thaws it', async () => {
  const waiting = await scene.hold()
  const path = '/agents/support-agent/freeze'
  expect(await bob.page('/agents')).toContain(`href="${path}"`)
  const asked = await bob.page(path)
  expect(asked).toContain('Freeze support-agent?')
  expect(await isFrozen()).toBe(false)
  const answer = await bob.post(path, { ...fieldsOf(asked, path), reason: 'incident\r\n4711' })
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/agents'])
  expect([await isFrozen(), await stateOf(waiting)]).toEqual([true, 'cancelled'])

  for (const page of ['/', '/history', '/agents', '/policy', '/ledger', '/help', `/requests/${waiting}`])
    expect(await carol.page(page), page).toMatch(
      /<strong>support-agent is frozen<\/strong>, since <time [^>]+>[^<]+<\/time> by Bob Berger/,
    )
  expect((await carol.get('/nowhere')).status).toBe(404)
  expect(await (await carol.get('/nowhere')).text()).toContain('support-agent is frozen')

  const thaw = '/agents/support-agent/thaw'
  const refused = await bob.post(thaw, { ...(await formOf(bob, thaw)), reason: 'it is fine' })
  const page = await refused.text()
  expect([refused.status, codeOf(page)]).toEqual([403, 'SELF_APPROVAL'])
  expect(page).toContain('it is fine</textarea>')
  expect((await carol.post(thaw, { ...(await formOf(carol, thaw)), reason: '' })).status).toBe(303)
  expect(await isFrozen()).toBe(false)
  expect(await carol.page('/')).not.toContain('<strong>support-agent is frozen')
})

test('console - all are frozen, which every page says once', async () => {
  await bob.post('/freeze', { ...(await formOf(bob, '/freeze')), reason: '' })
  const page = await carol.page('/')
  expect(page.match(/ is frozen</g)).toHaveLength(1)
  expect(page).toContain('<strong>Every agent is frozen</strong>')
  expect(await carol.page('/agents')).toContain('href="/thaw"')
  expect((await carol.post('/thaw', await formOf(carol, '/thaw'))).status).toBe(303)
  expect(await carol.page('/')).not.toContain('is frozen')
})

test('console - whoever has not the duty is told so, and what they had written stays', async () => {
  const alice = scene.browser('alice')
  const path = '/agents/support-agent/freeze'
  const refused = await alice.post(path, { ...(await formOf(alice, path)), reason: 'strange <calls>' })
  const page = await refused.text()
  expect([refused.status, codeOf(page)]).toEqual([403, 'NOT_PERMITTED'])
  expect(page).toContain('strange &lt;calls&gt;</textarea>')
  expect(await isFrozen()).toBe(false)
})

test.each([
  ['another site', { origin: 'https://evil.example' }, {}],
  ['no token of the session', {}, { csrf: '' }],
  ['the token of another session', {}, { csrf: 'x'.repeat(43) }],
])('console - a freeze from %s changes nothing', async (_, headers, changed) => {
  for (const path of ['/freeze', '/agents/support-agent/freeze']) {
    const answer = await bob.post(path, { ...(await formOf(bob, path)), reason: '', ...changed }, headers)
    expect([answer.status, codeOf(await answer.text())]).toEqual([403, 'CROSS_SITE'])
  }
  expect(await isFrozen()).toBe(false)
})

test('console - an agent that is not registered is frozen by nobody', async () => {
  const answer = await bob.get('/agents/nobody/freeze')
  expect([answer.status, codeOf(await answer.text())]).toEqual([404, 'UNKNOWN_AGENT'])
  const { csrf = '' } = await formOf(bob, '/freeze')
  expect((await bob.post('/agents/nobody/freeze', { csrf, reason: '' })).status).toBe(404)
})

test('console - a session that ended meanwhile freezes nothing, and keeps the words', async () => {
  const path = '/agents/support-agent/freeze'
  const gone = scene.browser('bob')
  const fields = await formOf(gone, path)
  gone.cookies.clear()
  const answer = await gone.post(path, { ...fields, reason: 'incident 4711' })
  const page = await answer.text()
  expect([answer.status, codeOf(page)]).toEqual([401, 'UNAUTHENTICATED'])
  expect(page).toContain('incident 4711')
  expect(page).toContain('/sign-in?return=%2Fagents')
  expect(await isFrozen()).toBe(false)
})

test('console - an approval that nobody has used is revoked from its page', async () => {
  const id = await scene.hold()
  await reviewAs(scene.house, 'bob', id)
  const path = `/requests/${id}/revoke`
  const fields = fieldsOf(await carol.page(`/requests/${id}`), path)
  expect((await carol.post(path, fields)).status).toBe(303)
  expect(await stateOf(id)).toBe('revoked')
  const page = await carol.page(`/requests/${id}`)
  expect(page).not.toContain(`action="${path}"`)
  expect(page).toMatch(/revoked<\/b>[\s\S]*Carol Chen \(carol\)/)
  const late = await carol.post(path, fields)
  expect([late.status, await stateOf(id)]).toEqual([303, 'revoked'])
})

test('console - a revocation that is refused shows the request with the broker’s answer', async () => {
  const id = await scene.hold()
  await reviewAs(scene.house, 'bob', id)
  const alice = scene.browser('alice')
  const path = `/requests/${id}/revoke`
  const answer = await alice.post(path, fieldsOf(await alice.page(`/requests/${id}`), path))
  expect([answer.status, codeOf(await answer.text())]).toEqual([403, 'SELF_APPROVAL'])
  expect(await stateOf(id)).toBe('approved')
})

test('console - what was about a finished request is erased after one more question, and the page says so', async () => {
  const id = await scene.hold({ name: 'to_erase', arguments: { secret: 'arguments' } })
  const path = `/requests/${id}/erase`
  expect(await bob.page(`/requests/${id}`)).not.toContain(`href="${path}"`)
  await reviewAs(scene.house, 'carol', id, 'deny', 'a private reason')
  expect(await bob.page(`/requests/${id}`)).toContain(`href="${path}"`)
  const asked = await bob.page(path)
  expect(asked).toContain('Erase to_erase?')
  expect((await bob.post(path, fieldsOf(asked, path))).status).toBe(303)
  for (const address of [`/requests/${id}`, `/requests/${id}/full`, path]) {
    const answer = await bob.get(address)
    const page = await answer.text()
    expect([answer.status, codeOf(page)], address).toEqual([410, 'ERASED'])
    expect(page).toContain('Bob Berger')
    expect(page).toContain(`data-request="${id}"`)
    expect(page).not.toContain('a private reason')
  }
})

test('console - erasing by somebody without the duty is refused, and the card stays', async () => {
  const id = await scene.hold()
  await reviewAs(scene.house, 'carol', id, 'deny')
  const alice = scene.browser('alice')
  const path = `/requests/${id}/erase`
  const answer = await alice.post(path, await formOf(alice, path))
  expect([answer.status, codeOf(await answer.text())]).toEqual([403, 'NOT_PERMITTED'])
  expect(await alice.page(`/requests/${id}`)).toContain('1200')
})
