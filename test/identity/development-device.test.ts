import { decodeJwt } from 'jose'
import { expect, test } from 'vitest'
import { signInByDevice } from '#identity'
import { hiddenFields } from './browser.ts'
import { browser, issuer, passphrase, useDevelopmentIssuer } from './development-scene.ts'

useDevelopmentIssuer()

test('development sign-in - a code of a terminal is typed in, checked, and signs that terminal in', async () => {
  const { device_code, user_code, verification_uri_complete } = await beginDevice()
  const filled = await browser.get(verification_uri_complete)
  expect(filled.text).toContain(`value="${user_code}"`)
  const shown = await browser.post('/device', { ...hiddenFields(filled.text), user_code })
  expect(shown.text).toContain('Is this your code?')
  expect(await pollDevice(device_code)).toMatchObject({ error: 'authorization_pending' })
  const people = await browser.post('/device', { ...hiddenFields(shown.text), confirm: 'yes' })
  expect(people.text).toContain('Who are you?')
  const done = await browser.post(people.url, { person: 'carol', passphrase: passphrase() })
  expect(done.text).toContain('Go back to the terminal')
  const tokens = await pollDevice(device_code)
  expect(decodeJwt(tokens.id_token ?? '')).toMatchObject({ sub: 'carol', aud: 'holdpoint', amr: ['pwd'] })
  expect(await pollDevice(device_code)).toMatchObject({ error: 'invalid_grant' })
})

test('development sign-in - `holdpoint login` gets the person that a browser chose meanwhile', async () => {
  const shown = Promise.withResolvers<string>()
  const chosen = Promise.withResolvers<void>()
  const signingIn = signInByDevice(issuer.trusted(), {
    now: Date.now,
    sleep: () => chosen.promise,
    signal: new AbortController().signal,
    show: ({ completeUrl = '' }) => shown.resolve(completeUrl),
  })
  const filled = await browser.get(await shown.promise)
  const user_code = /value="(\w{4}-\w{4})"/.exec(filled.text)?.[1] ?? ''
  const asked = await browser.post('/device', { ...hiddenFields(filled.text), user_code })
  const people = await browser.post('/device', { ...hiddenFields(asked.text), confirm: 'yes' })
  await browser.post(people.url, { person: 'bob', passphrase: passphrase() })
  chosen.resolve()
  expect(decodeJwt((await signingIn).idToken)).toMatchObject({ sub: 'bob' })
})

test('development sign-in - opening the link with the code in it changes nothing', async () => {
  const { device_code, verification_uri_complete } = await beginDevice()
  for (let visits = 0; visits < 3; visits++) await browser.get(verification_uri_complete)
  expect(await pollDevice(device_code)).toMatchObject({ error: 'authorization_pending' })
})

test('development sign-in - a code that was refused signs nobody in', async () => {
  const { device_code, user_code } = await beginDevice()
  const page = await browser.get('/device')
  const shown = await browser.post('/device', { ...hiddenFields(page.text), user_code })
  const refused = await browser.post('/device', { ...hiddenFields(shown.text), abort: 'yes' })
  expect(refused.text).toContain('Refused: nobody was signed in.')
  expect(await pollDevice(device_code)).toMatchObject({ error: 'access_denied' })
})

test.each(['', 'XXXX-XXXX', '<script>alert(1)</script>'])(
  'development sign-in - %j is no code of a terminal',
  async (user_code) => {
    const page = await browser.get('/device')
    const answer = await browser.post('/device', { ...hiddenFields(page.text), user_code })
    expect(answer.text).toMatch(/There is no such code|No code was given/)
    expect(answer.text).not.toContain('<script>')
  },
)

test('development sign-in - a code sent without its page’s own secret is refused', async () => {
  const { device_code, user_code } = await beginDevice()
  await browser.get('/device')
  await browser.post('/device', { xsrf: 'guessed', user_code, confirm: 'yes' })
  expect(await pollDevice(device_code)).toMatchObject({ error: 'authorization_pending' })
})

const post = async (path: string, form: Record<string, string>): Promise<Record<string, string>> =>
  (await fetch(issuer.url() + path, { method: 'POST', body: new URLSearchParams(form) })).json() as never

interface DeviceAnswer {
  device_code: string
  user_code: string
  verification_uri_complete: string
}
const beginDevice = async (): Promise<DeviceAnswer> =>
  (await post('/device/auth', { client_id: 'holdpoint', scope: 'openid profile' })) as never

const pollDevice = (device_code: string): Promise<Record<string, string>> =>
  post('/token', {
    client_id: 'holdpoint',
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code,
  })
