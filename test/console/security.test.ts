import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CHROMIUM, codeOf, createBrowser, fieldsOf, ORIGIN } from './cookie-jar.ts'
import { type Scene, startScene } from './scene.ts'

let scene: Scene
let id: string
beforeAll(async () => {
  scene = await startScene()
  id = await scene.hold()
})
afterAll(() => scene.stop())

const PAGES = ['/', '/?show=all', '/history', '/agents', '/policy', '/policy/explain', '/ledger', '/help']
const reviewFields = async (browser = scene.browser('bob')) => ({
  ...fieldsOf(await browser.page(`/requests/${id}`), `/requests/${id}/review`),
  verdict: 'deny',
  reason: 'typed with care',
})

describe('what a link scanner opens', () => {
  test('console - every address, read by GET and HEAD with somebody’s session, changes nothing', async () => {
    const bob = scene.browser('bob')
    const before = await scene.ledgerSize()
    const own = [`/requests/${id}`, `/requests/${id}/full`, `/policy/explain?request=${id}`]
    for (const path of [...PAGES, ...own, '/sign-in', '/sign-in?return=/history']) {
      const [get, head] = [await bob.get(path), await bob.head(path)]
      expect([path, get.status < 400, head.status]).toEqual([path, true, get.status])
      expect(await head.text()).toBe('')
      await get.text()
    }
    for (const path of [`/requests/${id}/review?verdict=approve`, `/requests/${id}/cancel`, '/sign-out']) {
      const answer = await bob.get(path)
      expect([path, answer.status, codeOf(await answer.text())]).toEqual([path, 405, 'METHOD_NOT_ALLOWED'])
    }
    expect((await bob.head('/events')).status).toBe(200)
    expect(await scene.ledgerSize()).toBe(before)
    expect((await bob.get('/')).status).toBe(200)
  })

  test('console - other methods are refused, and unknown addresses are not found', async () => {
    const bob = scene.browser('bob')
    const put = await scene.app.request(`${ORIGIN}/`, {
      method: 'PUT',
      headers: {
        origin: ORIGIN,
        cookie: `holdpoint=${bob.cookies.get('holdpoint')}`,
        'user-agent': CHROMIUM,
      },
    })
    expect(put.status).toBe(405)
    expect((await bob.post('/history', {})).status).toBe(405)
    expect((await bob.get('/nothing')).status).toBe(404)
    expect((await bob.get('/assets/../console.ts')).status).toBe(404)
    expect((await bob.get('/requests/1-nothing')).status).toBe(404)
  })
})

describe('posts that are none of ours', () => {
  test.each([
    ['another site’s Origin', { origin: 'https://evil.example' }],
    ['an opaque Origin', { origin: 'null' }],
    ['no Origin', { origin: undefined }],
    ['the same host with another port', { origin: 'http://127.0.0.1:7071' }],
    ['another scheme', { origin: 'https://127.0.0.1:7070' }],
    ['a cross-site fetch', { 'sec-fetch-site': 'cross-site' }],
    ['a same-site fetch', { 'sec-fetch-site': 'same-site' }],
    ['an address that was typed', { 'sec-fetch-site': 'none' }],
  ])('console - a review with %s is refused', async (_, headers) => {
    const bob = scene.browser('bob')
    const answer = await bob.post(`/requests/${id}/review`, await reviewFields(bob), headers)
    expect([answer.status, codeOf(await answer.text())]).toEqual([403, 'CROSS_SITE'])
  })

  test.each([
    ['no token', () => ({})],
    ['an empty token', () => ({ csrf: '' })],
    ['a token of the same length', () => ({ csrf: 'A'.repeat(43) })],
    [
      'the token of another session of the same person',
      async () => fieldsOf(await scene.browser('bob').page('/'), '/sign-out'),
    ],
  ])('console - a form with %s is refused', async (_, token) => {
    const bob = scene.browser('bob')
    const { csrf: __, ...rest } = (await reviewFields(bob)) as Record<string, string>
    const answer = await bob.post(`/requests/${id}/review`, { ...rest, ...(await token()) })
    expect([answer.status, codeOf(await answer.text())]).toEqual([403, 'CROSS_SITE'])
    expect((await bob.post('/sign-out', await token())).status).toBe(403)
    expect((await bob.get('/')).status).toBe(200)
  })

  test('console - by another name for this machine nothing is answered', async () => {
    const session = scene.browser('bob').cookies.get('holdpoint') ?? ''
    const rebound = createBrowser(scene.app, {
      origin: 'http://evil.example:7070',
      cookies: { holdpoint: session },
    })
    expect((await rebound.get('/')).status).toBe(403)
    const typed = createBrowser(scene.app, { origin: 'http://localhost:7070' })
    expect((await typed.get('/history?x=1')).headers.get('location')).toBe(`${ORIGIN}/history?x=1`)
    expect((await typed.post('/sign-out', {}, { origin: ORIGIN })).status).toBe(403)
  })
})

test('console - every answer has the whole set of headers, errors and redirects too', async () => {
  const bob = scene.browser('bob')
  const asset = /href="(\/assets\/[^"]+\.css)"/.exec(await bob.page('/'))?.[1] ?? ''
  const answers = [
    await bob.get('/'),
    await bob.get(`/requests/${id}`),
    await bob.get('/nothing'),
    await bob.get(asset),
    await bob.post('/sign-out', {}),
    await createBrowser(scene.app).get('/'),
    await createBrowser(scene.app).post('/', {}, { origin: 'https://evil.example' }),
  ]
  for (const { headers, url } of answers) {
    const policy = headers.get('content-security-policy') ?? ''
    expect(policy, url).toMatch(
      /default-src 'none'.*script-src 'self';.*frame-ancestors 'none'.*base-uri 'none'/,
    )
    expect(policy).not.toMatch(/unsafe|\*|https?:|data:/)
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('referrer-policy')).toBe('same-origin')
    expect(headers.get('cache-control')).toMatch(/^(no-store|public, max-age=31536000, immutable)$/)
  }
  expect(answers[0]?.headers.get('cache-control')).toBe('no-store')
  expect(answers[3]?.headers.get('cache-control')).toContain('immutable')
})

test.each(['/sign-out', '/requests/x/review', '/nothing'])(
  'console - of a form without end to %s no more than 64 KiB are read, whoever sends it',
  async (path) => {
    let sent = 0
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 16_384
        if (sent > 4 * 2 ** 20) controller.close()
        else controller.enqueue(Buffer.from('reason='.padEnd(16_384, 'x')))
      },
    })
    const headers = { origin: ORIGIN, 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await scene.app.request(`${ORIGIN}${path}`, {
      method: 'POST',
      headers,
      body,
      duplex: 'half',
    } as RequestInit)
    expect([answer.status, codeOf(await answer.text())]).toEqual([413, 'PAYLOAD_TOO_LARGE'])
    expect(sent).toBeLessThanOrEqual(6 * 16_384)
  },
)
