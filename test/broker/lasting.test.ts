import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Action, ledgerStream, REDACTED } from '#contract'
import { consumeOf, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf, EPOCH, type House, startHouse, type TestAgent } from '../support/house.ts'

const SECRET = `ghp_${'a1B2c3D4e5F6'.repeat(3)}`
let house: House
let agent: TestAgent
beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

/** All that the ledger's stream says, in one text. */
async function ledger(): Promise<string> {
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const { state } = await streams.info(ledgerStream(EPOCH))
  const leaves = Array.from({ length: state.last_seq }, async (_, nth) =>
    (await streams.getMessage(ledgerStream(EPOCH), { seq: nth + 1 }))?.string(),
  )
  return (await Promise.all(leaves)).join('\n')
}

const runtime = { serviceName: 'support', host: 'host-1' }
const refused: [where: string, action: Partial<Action>, secret: string, shown: string][] = [
  [
    'target',
    { target: 'postgres://app:hunter22@db/orders' },
    'hunter22',
    `postgres://app:${REDACTED}@db/orders`,
  ],
  [
    'target',
    { target: 'https://api.example.com/?api_key=k3yk3yk3y' },
    'k3yk3yk3y',
    `https://api.example.com/?api_key=${REDACTED}`,
  ],
  ['target', { target: 'card/4111111111111111' }, '4111111111111111', `card/${REDACTED}`],
  ['name', { name: `push ${SECRET}` }, SECRET, `push ${REDACTED}`],
  ['kind', { kind: `glpat-${'a'.repeat(20)}` }, 'a'.repeat(20), REDACTED],
  ['runtime.precondition', { runtime: { ...runtime, precondition: SECRET } }, SECRET, REDACTED],
]
test.each(refused)(
  'ledger - a secret in an action’s %s never gets there: %j',
  async (where, action, secret, shown) => {
    const asked = agent.call('request', { process: agent.process, attempt: attemptOf(action) })
    const { code, message } = await asked.then(
      () => expect.fail('it was taken'),
      (error: { code: string; message: string }) => error,
    )
    expect(code).toBe('INVALID_INPUT')
    expect(message).toContain(
      `attempt.action.${where} is ${JSON.stringify(shown)}, expected a text without secrets`,
    )
    expect(message).not.toContain(secret)
    expect(house.lines.join('')).not.toContain(secret)
    expect(await ledger()).not.toContain(secret)
  },
)

test.each([
  'postgres://db.internal:5432/orders',
  'https://api.example.com/v1/tokens?page_token=abc123def456',
  'arn:aws:s3:::reports/2026',
  'prod/payments/secret-store',
  'github/1.2.3',
])('ledger - %s is a target like any other', async (target) => {
  const { requestId } = await holdAction(agent, attemptOf({ target }))
  expect((await house.desk.show(house.token('bob'), requestId)).card.action.target).toBe(target)
})

test('ledger - what failed is recorded without the secret that its error is named by', async () => {
  const held = await holdAction(agent)
  const { requestId } = held
  await reviewAs(house, 'bob', requestId)
  const nonce = newNonce()
  await consumeOf(agent, held, nonce)
  // Longer without the secrets than with them, and still recorded.
  const errorType = `refused: ${SECRET} ${'pwd="abcd" '.repeat(13)}`
  await agent.call('outcome', { requestId, nonce, outcome: 'failed', errorType })
  expect(await ledger()).toContain(`"errorType":"refused: ${REDACTED} pwd=`)
  expect(await ledger()).not.toContain(SECRET)
})
