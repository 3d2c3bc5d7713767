// Runs a resource in another language against a whole house, for real: `node languages.ts python main.py`, in its folder.
// It is given the environment of a resource and PORT, and has to serve POST /accounts/{account}/payouts.

import { strict as assert } from 'node:assert'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { FILES, readPin } from '#broker'
import { createGate } from '#gate'
import { eventually, reviewAs } from '../../support/held.ts'
import { type House, startHouse } from '../../support/house.ts'

const [command = '', ...args] = process.argv.slice(2)
const house = await startHouse({ heartbeatMs: 500 })
let service: ChildProcess | undefined
try {
  await house.agent('clerk')
  await house.agent('billing', { enforcement: 'resource' })
  const port = await freePort()
  service = spawn(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      ...process.env,
      PORT: String(port),
      HOLDPOINT_NATS_URL: house.natsUrl,
      HOLDPOINT_AGENT: 'billing',
      HOLDPOINT_CREDENTIALS: house.home.path(FILES.agentCredentials('billing')),
      HOLDPOINT_PIN: readPin(house.home),
    },
  })
  await converse(house, `http://127.0.0.1:${port}/accounts/eu/payouts`)
  process.stdout.write(`${command}: all is as it should be\n`)
} finally {
  service?.kill()
  await house.stop()
}

async function converse(house: House, url: string): Promise<void> {
  await eventually(
    () => fetch(url, { method: 'POST', body: '{}' }).catch(() => undefined),
    (response) => response !== undefined,
  )
  const gate = createGate(
    {
      natsUrl: house.natsUrl,
      credentials: house.home.read(FILES.agentCredentials('clerk')),
      agentId: 'clerk',
      pin: readPin(house.home),
      serviceName: 'clerk',
      host: 'test',
    },
    { now: house.clock.now },
  )
  await gate.start()
  const given = {
    amount: 250.5,
    to: 'Zoë "€"',
    memo: 'line\n\u0001',
    '€': 1e-7,
    '\u{1f600}': null,
    דּ: [1e20 / 1e6, -0.5],
  }
  const post = (proof: string | undefined, body: string) =>
    fetch(url, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json', ...(proof ? { 'Holdpoint-Warrant': proof } : {}) },
    })
  const codeOf = async (asked: Promise<Response>) => {
    const response = await asked
    return [response.status, ((await response.json()) as { code?: string }).code]
  }
  let requestId = ''
  let proof = ''
  await gate.hold(
    {
      kind: 'tool',
      name: 'payout',
      target: 'accounts/eu',
      arguments: given,
      resource: 'billing',
      onHeld: (held) => {
        requestId = held.requestId
        void reviewAs(house, 'bob', requestId)
      },
    },
    async (approved, shown = '') => {
      proof = shown
      const body = JSON.stringify(approved)
      assert.deepEqual(await codeOf(post(undefined, body)), [403, 'WARRANT_REQUIRED'])
      assert.deepEqual(await codeOf(post(proof, body.replace('250.5', '2505'))), [403, 'WARRANT_MISMATCH'])
      assert.deepEqual(await codeOf(post(proof, body.replace('{', '{"to":"x",'))), [400, 'INVALID_INPUT'])
      assert.deepEqual(await codeOf(post(proof.replace(/.{6}~/, 'AAAAAA~'), body)), [403, 'UNTRUSTED'])
      const racing = await Promise.all(Array.from({ length: 8 }, () => codeOf(post(proof, body))))
      assert.deepEqual(racing.map(([status]) => status).sort(), [200, ...Array(7).fill(403)])
      assert.deepEqual(new Set(racing.map(([, code]) => code)), new Set([undefined, 'ALREADY_SPENT']))
    },
  )
  const stateOf = async () => (await house.desk.show(house.token('bob'), requestId)).summary.state
  await eventually(stateOf, (state) => state === 'executed')
  await house.broker().stop()
  assert.deepEqual((await codeOf(post(proof, JSON.stringify(given))))[0], 503)
  await gate.stop()
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}
