import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readEndpoints } from '#channels'
import type { HoldpointError } from '#contract'
import { readConfig } from '#runtime'
import { isSecret, newSecret } from '../../src/channels/webhook/secret.ts'
import { SECRET } from './scene.ts'

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-endpoints-'))
  writeFileSync(join(dir, 'good.secret'), `${SECRET}\n`)
  writeFileSync(join(dir, 'bad.secret'), 'hunter2hunter2hunter2hunter2\n')
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const secretOf = (bytes: number) => `whsec_${Buffer.alloc(bytes, 3).toString('base64')}`
const read = (...webhooks: object[]) =>
  readEndpoints(readConfig({ env: { HOLDPOINT_CHANNELS_WEBHOOKS: JSON.stringify(webhooks) }, cwd: dir }), dir)
const hook = { name: 'hook', url: 'https://hook.example.com/in', secret: SECRET }

test('endpoint - what is not said has its preset', () => {
  expect(read(hook)).toMatchObject([{ ...hook, events: ['opened', 'decided', 'ended'], answers: false }])
})

test('endpoint - escalations and alarms are for whoever asks for them', () => {
  const events = ['opened', 'escalated', 'decided', 'ended', 'alarm'] as const
  expect(read({ ...hook, events })[0]?.events).toEqual(events)
  expect(() => read({ ...hook, events: ['alarms'] })).toThrow('channels.webhooks.0.events.0')
})

test('endpoint - all that can be said', () => {
  const { secret: _, ...rest } = hook
  const [endpoint] = read({
    ...rest,
    secretFile: 'good.secret',
    events: ['opened'],
    answers: true,
    allow: ['10.0.0.0/8', '::1'],
  })
  expect(endpoint).toMatchObject({ secret: SECRET, events: ['opened'], answers: true })
  expect(endpoint?.rules.isAllowed('10.1.2.3')).toBe(true)
  expect(endpoint?.rules.isAllowed('192.168.0.1')).toBe(false)
})

test.each([
  ['two of one name', [hook, hook], 'channels.webhooks.1.name is hook, as is that of channels.webhooks.0'],
  ['no secret', [{ ...hook, secret: undefined }], 'channels.webhooks.0 has neither secret nor secretFile'],
  [
    'two secrets',
    [{ ...hook, secretFile: 'good.secret' }],
    'channels.webhooks.0 has both secret and secretFile',
  ],
  [
    'a password',
    [{ ...hook, secret: 'hunter2hunter2hunter2hunter2' }],
    'channels.webhooks.0.secret is not usable',
  ],
  ['too short a secret', [{ ...hook, secret: secretOf(23) }], '24 to 64 bytes'],
  ['too long a secret', [{ ...hook, secret: secretOf(65) }], '24 to 64 bytes'],
  ['a secret without its prefix', [{ ...hook, secret: SECRET.slice(6) }], 'channels.webhooks.0.secret'],
  [
    'a bad secret in a file',
    [hook, { name: 'b', url: hook.url, secretFile: 'bad.secret' }],
    'channels.webhooks.1.secretFile is not usable',
  ],
  [
    'a file that is not there',
    [{ name: 'b', url: hook.url, secretFile: 'nowhere' }],
    'cannot be read: ENOENT',
  ],
  [
    'a user in the URL',
    [{ ...hook, url: 'https://hunter2@hook.example.com/' }],
    'channels.webhooks.0.url has credentials in it',
  ],
  [
    'a password in the URL',
    [{ ...hook, url: 'https://a:hunter2@hook.example.com/' }],
    'channels.webhooks.0.url has credentials in it',
  ],
  [
    'a host in `allow`',
    [{ ...hook, allow: ['10.0.0.1', 'localhost'] }],
    'channels.webhooks.0.allow has "localhost", expected an IP address',
  ],
])('endpoint - %s: refused by name and expectation, and no secret is shown', (_, webhooks, words) => {
  const refused = (() => {
    try {
      return JSON.stringify(read(...webhooks))
    } catch (error) {
      return error as HoldpointError
    }
  })()
  expect(refused).toMatchObject({ code: 'INVALID_CONFIG', message: expect.stringContaining(words) })
  expect(String(refused)).not.toContain('hunter2')
})

test.each([24, 32, 64])('secret - %d bytes are good', (bytes) => {
  expect(isSecret(secretOf(bytes))).toBe(true)
})

test.each([
  '',
  'whsec_',
  secretOf(23),
  secretOf(65),
  ` ${SECRET}`,
  `${SECRET}\n`,
  SECRET.toUpperCase(),
  SECRET.replace('=', ''),
  `${SECRET.slice(0, -1)}`,
  SECRET.replaceAll('B', '-'),
])('secret - %j is none', (text) => {
  expect(isSecret(text)).toBe(false)
})

test('secret - a new one is good, and new', () => {
  expect(isSecret(newSecret())).toBe(true)
  expect(newSecret()).not.toBe(newSecret())
})
