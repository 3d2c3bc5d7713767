import { expect, test } from 'vitest'
import { readEnvironment } from '../../instrumentation/environment.ts'

const CREDENTIALS = `-----BEGIN NATS USER JWT-----
eyJ0eXAiOiJKV1QifQ.e30.c2ln
------END NATS USER JWT------
-----BEGIN USER NKEY SEED-----
SUAGSECRETSEED
------END USER NKEY SEED------
`
const messageOf = (env: Record<string, string>): string => {
  try {
    readEnvironment(env)
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('the environment was accepted')
}

test('environment - every variable that is missing is named', () => {
  expect(messageOf({})).toMatch(/HOLDPOINT_NATS_URL.*HOLDPOINT_AGENT.*HOLDPOINT_PIN.*HOLDPOINT_CREDENTIALS/s)
})

test.each([
  ['the credentials themselves', { HOLDPOINT_CREDENTIALS: CREDENTIALS }],
  ['the credentials on one line', { HOLDPOINT_CREDENTIALS: CREDENTIALS.replaceAll('\n', ' ') }],
  ['a seed alone', { HOLDPOINT_CREDENTIALS: 'SUAGSECRETSEED' }],
  ['the credentials as the pin', { HOLDPOINT_PIN: CREDENTIALS }],
  [
    'a password in an address that cannot be used',
    { HOLDPOINT_NATS_URL: 'http://shop:SUAGSECRETSEED@nats:4222' },
  ],
])('environment - %s in place of what is expected is not repeated', (_what, env) => {
  const message = messageOf(env)
  expect(message).toContain(Object.keys(env)[0])
  expect(message).not.toContain('SECRETSEED')
})

test('environment - a wrong value that is no secret is shown', () => {
  expect(messageOf({ HOLDPOINT_AGENT: 'Shop Agent' })).toContain('"Shop Agent"')
  expect(messageOf({ HOLDPOINT_NATS_URL: 'nats:4222' })).toContain('"nats:4222"')
  expect(messageOf({ HOLDPOINT_CREDENTIALS: './shop.creds' })).toMatch(/"\.\/shop\.creds".*ENOENT/)
})
