import { readFileSync } from 'node:fs'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type DevicePrompt, developmentIssuerAt, signInByDevice } from '#identity'
import { readRunning } from '#runtime'
import { type House, startHouse } from '../support/house.ts'
import { findBarriers } from './support/axe.ts'
import { openWindows, PHONE } from './support/scene.ts'

let house: House
let windows: Awaited<ReturnType<typeof openWindows>>
let passphrase: string

beforeAll(async () => {
  house = await startHouse({ broker: false })
  const url = readRunning(house.home.dir)?.identity?.url ?? ''
  passphrase = readFileSync(house.home.path('people/passphrase'), 'utf8').trim()
  windows = await openWindows({ url, identityUrl: url, passphrase })
})
afterEach(async () => {
  expect(await windows.closeWindows()).toEqual([])
})
afterAll(async () => {
  await windows.stop()
  await house.stop()
})

/** A terminal that waits for somebody at a browser; `answered` lets it ask for its token. */
function startTerminal() {
  const prompt = Promise.withResolvers<DevicePrompt>()
  const answered = Promise.withResolvers<void>()
  const tokens = signInByDevice(developmentIssuerAt(windows.url), {
    now: Date.now,
    sleep: () => answered.promise,
    signal: new AbortController().signal,
    show: prompt.resolve,
  })
  tokens.catch(() => {})
  return { prompt: prompt.promise, answered: answered.resolve, tokens }
}

test('terminal sign-in - who follows the link compares the code, says who they are, and the terminal has their token', async () => {
  const terminal = startTerminal()
  const { completeUrl = '', userCode } = await terminal.prompt
  const page = await windows.visit()
  await page.goto(completeUrl)
  await expect(findBarriers(page)).resolves.toEqual([])
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(page.getByText(userCode).textContent()).resolves.toBe(userCode)
  await expect(findBarriers(page)).resolves.toEqual([])
  await page.getByRole('button', { name: 'Yes, that is my code' }).click()
  await page.getByLabel('Passphrase').fill(passphrase)
  await page.getByRole('button', { name: 'Bob Berger' }).click()
  await page.getByRole('heading', { name: 'Signed in' }).waitFor()
  await expect(findBarriers(page)).resolves.toEqual([])
  terminal.answered()
  expect(decodeJwt((await terminal.tokens).idToken)).toMatchObject({ sub: 'bob' })
})

test('terminal sign-in - a link that is merely opened signs nobody in, and a refused code never does', async () => {
  const terminal = startTerminal()
  const { completeUrl = '' } = await terminal.prompt
  const page = await windows.visit()
  await page.goto(completeUrl)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'No, refuse it' }).click()
  await page.getByText('Refused: nobody was signed in.').waitFor()
  await expect(findBarriers(page)).resolves.toEqual([])
  terminal.answered()
  await expect(terminal.tokens).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
})

test('terminal sign-in - a wrong code and a wrong passphrase are said so, in words', async () => {
  const { prompt } = startTerminal()
  const { url, completeUrl = '' } = await prompt
  const page = await windows.visit(PHONE)
  await page.goto(url)
  await page.getByLabel('The code that holdpoint login shows').fill('BCDF-GHJK')
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByText('There is no such code.').waitFor()
  await expect(findBarriers(page)).resolves.toEqual([])
  await page.goto(completeUrl)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Yes, that is my code' }).click()
  await page.getByLabel('Passphrase').fill('not the passphrase')
  await page.getByRole('button', { name: 'Bob Berger' }).click()
  await page.getByText('That is not the passphrase.').waitFor()
  await expect(findBarriers(page)).resolves.toEqual([])
})
