import { request } from 'node:http'
import { expect, test } from 'vitest'
import { createBrowser } from './browser.ts'
import {
  browser,
  issuer,
  openPage,
  passphrase,
  REDIRECT_URI,
  useDevelopmentIssuer,
} from './development-scene.ts'

useDevelopmentIssuer()

test.each<[string, Record<string, string>]>([
  ['another site', { origin: 'https://evil.invalid' }],
  ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
  ['a sandboxed frame', { origin: 'null' }],
  ['nobody says where', {}],
])('development sign-in - a form sent from %s is refused, and is no guess', async (_, headers) => {
  const { page } = await openPage()
  for (let guess = 0; guess < 6; guess++)
    expect((await browser.post(page.url, { person: 'bob', passphrase: 'wrong' }, headers)).status).toBe(403)
  expect((await browser.post(page.url, { person: 'bob', passphrase: passphrase() }, headers)).status).toBe(
    403,
  )
  expect((await browser.post(page.url, { person: 'bob', passphrase: passphrase() })).url.host).toBe(
    'localhost:7070',
  )
})

test('development sign-in - the page of one browser is of no use in another, and of none when made up', async () => {
  const { page } = await openPage()
  const thief = createBrowser(issuer.url())
  expect((await thief.get(page.url)).status).toBe(400)
  expect((await thief.post(page.url, { person: 'bob', passphrase: passphrase() })).status).toBe(400)
  expect((await browser.get('/interaction/made-up')).status).toBe(400)
})

test.each(['evil.example', 'evil.example:PORT', '127.0.0.1', '127.0.0.1.evil.example:PORT', '0.0.0.0:PORT'])(
  'development sign-in - a request in the name of %s is refused (DNS rebinding)',
  async (host) => {
    const { port } = new URL(issuer.url())
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { host: host.replace('PORT', port) }
      request(`${issuer.url()}/.well-known/openid-configuration`, { headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
        .on('error', reject)
        .end()
    })
    expect(status).toBe(421)
  },
)

const authorization = (change: Record<string, string | undefined>): string => {
  const query: Record<string, string | undefined> = {
    client_id: 'holdpoint',
    response_type: 'code',
    redirect_uri: REDIRECT_URI,
    scope: 'openid',
    state: 's',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
    ...change,
  }
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return `/auth?${new URLSearchParams(given)}`
}

test.each(['http://127.0.0.1:1234', 'http://localhost:9', 'http://[::1]:65535', 'http://127.0.0.1'])(
  'development sign-in - %s may be where the console is',
  async (origin) => {
    const visit = await browser.get(authorization({ redirect_uri: `${origin}/sign-in/callback` }))
    expect(visit).toMatchObject({ status: 200, text: expect.stringContaining('Who are you?') })
  },
)

test.each([
  'https://evil.invalid/sign-in/callback',
  'http://evil.invalid/sign-in/callback',
  'http://127.0.0.1.evil.invalid/sign-in/callback',
  'http://127.0.0.1@evil.invalid/sign-in/callback',
  'http://127.0.0.1:7070/other',
  'http://127.0.0.1:7070/sign-in/callback/',
  'http://127.0.0.1:7070/sign-in/callback?x=1',
  'javascript:alert(1)',
])('development sign-in - nobody is sent on to %s', async (redirect) => {
  const visit = await browser.get(authorization({ redirect_uri: redirect }))
  expect(visit).toMatchObject({ status: 400, text: expect.stringContaining('invalid_redirect_uri') })
})

test.each<[string, Record<string, string | undefined>, string]>([
  ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
  ['with plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
  ['for a token instead of a code', { response_type: 'id_token', nonce: 'n' }, 'unsupported_response_type'],
])('development sign-in - a request %s is refused', async (_, change, error) => {
  const { url } = await browser.get(authorization(change))
  expect(`${url.search}${url.hash}`).toContain(`error=${error}`)
})

test.each(['password', 'client_credentials', 'authorization_code', 'refresh_token', ''])(
  'development sign-in - the grant type %j gets nothing for name and passphrase',
  async (grant_type) => {
    const form = { grant_type, client_id: 'holdpoint', username: 'bob', password: passphrase() }
    const answer = await fetch(`${issuer.url()}/token`, { method: 'POST', body: new URLSearchParams(form) })
    expect(answer.status).toBe(400)
    expect(await answer.json()).not.toHaveProperty('id_token')
  },
)
