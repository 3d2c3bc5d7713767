import { afterAll, beforeAll, expect, test } from 'vitest'
import { cardModel, digestBytes, renderHash } from '#contract'
import { reviewAs } from '../support/held.ts'
import { type Browser, codeOf, fieldsOf } from './cookie-jar.ts'
import { type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene.stop())

const open = async (browser: Browser, requestId: string, view = ''): Promise<Record<string, string>> =>
  fieldsOf(await browser.page(`/requests/${requestId}${view}`), `/requests/${requestId}/review`)

const stateOf = async (requestId: string) =>
  (await scene.house.desk.show(scene.house.token('bob'), requestId)).summary.state

test('console - a reviewer approves with the page’s own form, and comes back to the card', async () => {
  const bob = scene.browser('bob')
  const id = await scene.hold()
  const fields = await open(bob, id)
  const answer = await bob.post(`/requests/${id}/review`, { ...fields, verdict: 'approve', reason: '' })
  expect(answer.status).toBe(303)
  expect(answer.headers.get('location')).toBe(`/requests/${id}#status`)
  expect(await stateOf(id)).toBe('approved')
  const page = await bob.page(`/requests/${id}`)
  expect(page).toContain('You approved it.')
  expect(page).not.toContain('value="approve"')
})

test('console - what a reviewer was shown is in the evidence: the digest of the card’s own markup', async () => {
  const bob = scene.browser('bob')
  const id = await scene.hold()
  const page = await bob.page(`/requests/${id}`)
  const card = /<article class="card"[\s\S]*?<\/article>/.exec(page)?.[0] ?? ''
  expect(fieldsOf(page, `/requests/${id}/review`).rendition).toBe(digestBytes(card))
})

test('console - a denial takes its reason along, with its lines', async () => {
  const bob = scene.browser('bob')
  const id = await scene.hold()
  const reason = 'Not on a Friday.\r\nAsk again on Monday.'
  await bob.post(`/requests/${id}/review`, { ...(await open(bob, id)), verdict: 'deny', reason })
  const { timeline } = await scene.house.desk.show(scene.house.token('bob'), id)
  expect(timeline.find(({ type }) => type === 'review')?.reason).toBe(
    'Not on a Friday.\nAsk again on Monday.',
  )
  expect(await bob.page(`/requests/${id}`)).toContain('Ask again on Monday.')
})

test('console - the owner is offered no decision, and one that is sent all the same is refused', async () => {
  const alice = scene.browser('alice')
  const id = await scene.hold()
  const page = await alice.page(`/requests/${id}`)
  expect(codeOf(page)).toBe('SELF_APPROVAL')
  expect(page).not.toContain(`action="/requests/${id}/review"`)

  const { csrf = '' } = fieldsOf(page, `/requests/${id}/cancel`)
  const { csrf: _, ...rest } = await open(scene.browser('bob'), id)
  const answer = await alice.post(`/requests/${id}/review`, {
    ...rest,
    csrf,
    verdict: 'approve',
    reason: 'mine',
  })
  expect(answer.status).toBe(403)
  expect(codeOf(await answer.text())).toBe('SELF_APPROVAL')
  expect(await stateOf(id)).toBe('pending')
})

test('console - the owner cancels, and nobody else', async () => {
  const id = await scene.hold()
  const bob = scene.browser('bob')
  const { csrf = '' } = await open(bob, id)
  const refused = await bob.post(`/requests/${id}/cancel`, { csrf })
  expect([refused.status, codeOf(await refused.text())]).toEqual([403, 'NOT_THE_REQUESTER'])
  expect(await stateOf(id)).toBe('pending')

  const alice = scene.browser('alice')
  const own = fieldsOf(await alice.page(`/requests/${id}`), `/requests/${id}/cancel`)
  expect((await alice.post(`/requests/${id}/cancel`, own)).status).toBe(303)
  expect(await stateOf(id)).toBe('cancelled')
})

test('console - somebody outside the rule’s groups is told so, and refused', async () => {
  const id = await scene.hold({ name: 'page_oncall' })
  const bob = scene.browser('bob')
  const page = await bob.page(`/requests/${id}`)
  expect(codeOf(page)).toBe('NOT_A_REVIEWER')
  const { rendition = '', renderHash: hash = '' } = await open(scene.browser('carol'), id)
  const { csrf = '' } = fieldsOf(page, '/sign-out')
  const fields = { csrf, rendition, renderHash: hash, view: 'card', verdict: 'approve', reason: '' }
  const answer = await bob.post(`/requests/${id}/review`, fields)
  expect([answer.status, codeOf(await answer.text())]).toEqual([403, 'NOT_A_REVIEWER'])
})

test.each([
  ['another renderHash', { renderHash: `sha-256:${'0'.repeat(64)}` }, 409, 'CARD_MISMATCH'],
  ['another rendition', { rendition: `sha-256:${'0'.repeat(64)}` }, 409, 'CARD_MISMATCH'],
  ['the other page’s view', { view: 'elsewhere' }, 400, 'INVALID_INPUT'],
  ['no verdict', { verdict: '' }, 400, 'INVALID_INPUT'],
  ['an unknown verdict', { verdict: 'maybe' }, 400, 'INVALID_INPUT'],
  ['a reason of 4,001 characters', { reason: 'x'.repeat(4001) }, 400, 'INVALID_INPUT'],
  ['a field that the form does not have', { also: 'x' }, 400, 'INVALID_INPUT'],
  ['a form of 100 kB', { reason: 'x'.repeat(100_000) }, 413, 'PAYLOAD_TOO_LARGE'],
])('console - a review with %s is refused, and the request still waits', async (_, changed, status, code) => {
  const bob = scene.browser('bob')
  const id = await scene.hold()
  const fields = { ...(await open(bob, id)), verdict: 'approve', reason: 'why', ...changed }
  const answer = await bob.post(`/requests/${id}/review`, fields)
  expect([answer.status, codeOf(await answer.text())]).toEqual([status, code])
  expect(await stateOf(id)).toBe('pending')
})

test('console - a review of a decided request is refused with the card as decided, and keeps what was typed', async () => {
  const bob = scene.browser('bob')
  const id = await scene.hold()
  const fields = await open(bob, id)
  await reviewAs(scene.house, 'carol', id, 'deny', 'no')
  const answer = await bob.post(`/requests/${id}/review`, {
    ...fields,
    verdict: 'approve',
    reason: 'too <late>',
  })
  const page = await answer.text()
  expect([answer.status, codeOf(page)]).toEqual([409, 'ALREADY_DECIDED'])
  expect(page).toContain('carol) denied')
  expect(page).toContain('too &lt;late&gt;')
})

test('console - one person reviews once', async () => {
  const bob = scene.browser('bob')
  const id = await scene.hold({ name: 'wire_money' })
  const fields = { ...(await open(bob, id)), verdict: 'approve', reason: '' }
  expect((await bob.post(`/requests/${id}/review`, fields)).status).toBe(303)
  const again = await bob.post(`/requests/${id}/review`, fields)
  expect([again.status, codeOf(await again.text())]).toEqual([409, 'ALREADY_REVIEWED'])
  expect(await stateOf(id)).toBe('pending')
  expect(codeOf(await bob.page(`/requests/${id}`))).toBe('ALREADY_REVIEWED')
})

test('console - what does not fit is approved on the page that shows all of it, and only there', async () => {
  const bob = scene.browser('bob')
  const id = await scene.hold({ arguments: { text: 'abcdefghi '.repeat(90_000), end: 'THE-END' } })
  const page = await bob.page(`/requests/${id}`)
  expect(page.length).toBeLessThan(200_000)
  expect(page).not.toContain('value="approve"')
  const short = fieldsOf(page, `/requests/${id}/review`)
  const refused = await bob.post(`/requests/${id}/review`, { ...short, verdict: 'approve', reason: '' })
  expect([refused.status, codeOf(await refused.text())]).toEqual([409, 'CARD_MISMATCH'])

  const full = await bob.page(`/requests/${id}/full`)
  expect(full).toContain('THE-END')
  expect(full).toContain('value="approve"')
  const whole = fieldsOf(full, `/requests/${id}/review`)
  expect(
    (await bob.post(`/requests/${id}/review`, { ...whole, verdict: 'approve', reason: '' })).status,
  ).toBe(303)
  expect(await stateOf(id)).toBe('approved')
})

test('console - the card shows every field of the model, in its order', async () => {
  const id = await scene.hold(
    { target: 'db/customers' },
    { statement: 'please', facts: [{ name: 'rows', value: 3, source: 'agent' }] },
  )
  const { card, renderHash: hash } = await scene.house.desk.show(scene.house.token('bob'), id)
  const page = await scene.browser('bob').page(`/requests/${id}`)
  expect(hash).toBe(renderHash(card))
  let at = 0
  for (const section of cardModel(card).sections)
    for (const text of [section.title, ...section.fields.map(({ text }) => text)]) {
      const escaped = text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')
      const found = page.indexOf(escaped, at)
      expect(found, text).toBeGreaterThan(-1)
      at = found
    }
})
