import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readRunning } from '#runtime'
import { codeOf, createBrowser, fieldsOf } from './cookie-jar.ts'
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

describe('sessions', () => {
  test('console - who is not signed in is led to the sign-in, and back afterwards', async () => {
    const nobody = createBrowser(scene.app)
    for (const path of [...PAGES, `/requests/${id}`, '/nothing']) {
      const answer = await nobody.get(path)
      const back = path === '/' ? '' : `?return=${encodeURIComponent(path)}`
      expect([answer.status, answer.headers.get('location')]).toEqual([303, `/sign-in${back}`])
    }
    expect((await nobody.get('/events')).status).toBe(401)
  })

  test('console - a session in another browser is refused, and ended', async () => {
    const bob = scene.browser('bob')
    const thief = createBrowser(scene.app, { userAgent: 'curl/8', cookies: Object.fromEntries(bob.cookies) })
    expect((await thief.get(`/requests/${id}`)).status).toBe(303)
    expect(thief.cookies.has('holdpoint')).toBe(false)
    expect((await bob.get('/')).status).toBe(303)
  })

  test('console - what was typed into a form is not lost with the session', async () => {
    const bob = scene.browser('bob')
    const fields = await reviewFields(bob)
    expect((await bob.post('/sign-out', { csrf: `${(fields as { csrf?: string }).csrf}` })).status).toBe(303)
    bob.cookies.set('holdpoint', 'of-somebody-else')
    const answer = await bob.post(`/requests/${id}/review`, { ...fields, reason: 'typed <with> care' })
    const page = await answer.text()
    expect([answer.status, codeOf(page)]).toEqual([401, 'UNAUTHENTICATED'])
    expect(page).toContain('typed &lt;with&gt; care')
    expect(page).toContain(`href="/sign-in?return=${encodeURIComponent(`/requests/${id}`)}"`)
  })

  test('console - a session ends by itself', async () => {
    const own = await startScene({ house: scene.house })
    const bob = own.browser('bob')
    expect((await bob.get('/')).status).toBe(200)
    scene.house.clock.advance(13 * 3_600_000)
    try {
      expect((await bob.get('/')).status).toBe(303)
      expect((await bob.post('/sign-out', {})).status).toBe(401)
    } finally {
      scene.house.clock.advance(-13 * 3_600_000)
    }
  })

  test('console - a real sign-in opens a new session, in a cookie that no script reads, and leads back', async () => {
    const browser = createBrowser(scene.app, { cookies: { holdpoint: 'brought-along' } })
    const start = await browser.get('/sign-in/start?return=%2Fhistory%3Fagent%3Dx')
    const issuer = readRunning(scene.house.home.dir)?.identity?.url ?? ''
    expect(start.headers.get('location')).toMatch(new RegExp(`^${issuer}/`))
    expect(start.headers.get('set-cookie')).toMatch(
      /^holdpoint-sign-in=[^;]+; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/,
    )
    const callback = await signInAtIssuer(start.headers.get('location') ?? '')
    const back = await browser.get(callback.pathname + callback.search)
    expect([back.status, back.headers.get('location')]).toEqual([303, '/history?agent=x'])
    expect(back.headers.get('set-cookie')).toMatch(
      /(^|, )holdpoint=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax/,
    )
    expect(await browser.page('/')).toContain('Bob Berger (bob)')
    // The same callback again: used up.
    expect((await browser.get(callback.pathname + callback.search)).status).toBe(401)
    const other = createBrowser(scene.app)
    expect((await other.get(callback.pathname + callback.search)).status).toBe(401)
  })

  test.each([
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
  ])('console - nobody is led to %j after signing in', async (to) => {
    const page = await createBrowser(scene.app).page(`/sign-in?return=${encodeURIComponent(to)}`)
    expect(page).toContain('&amp;return=%2F"')
    expect(page).not.toContain('evil')
    const bob = await scene.browser('bob').get(`/sign-in?return=${encodeURIComponent(to)}`)
    expect(bob.headers.get('location')).toBe('/')
  })

  test('console - over https the cookie is bound to the host', async () => {
    const origin = 'https://holdpoint.example.com'
    const own = await startScene({ house: scene.house, publicUrl: () => origin })
    const browser = createBrowser(own.app, { origin })
    const start = await browser.get('/sign-in/start')
    expect(start.headers.get('set-cookie')).toMatch(/^__Host-holdpoint-sign-in=[^;]+; .*Secure/)
    expect(start.headers.get('strict-transport-security')).toMatch(/^max-age=\d{8}/)
  })
})

/** Bob, at the development issuer's own pages. Returns where the issuer sends the browser back to. */
async function signInAtIssuer(address: string): Promise<URL> {
  const cookies = new Map<string, string>()
  const passphrase = scene.house.home.read('people/passphrase').trim()
  const go = async (url: URL, body?: URLSearchParams): Promise<URL> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { cookie, ...(body ? { origin: url.origin } : {}) }
    const response = await fetch(url, {
      redirect: 'manual',
      headers,
      ...(body ? { method: 'POST', body } : {}),
    })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return new URL(response.headers.get('location') ?? url, url)
  }
  const page = await go(new URL(address))
  return go(await go(page, new URLSearchParams({ person: 'bob', passphrase })))
}
