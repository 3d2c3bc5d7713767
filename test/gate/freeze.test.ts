import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { FILES, readPin } from '#broker'
import { createGate, type Gate, type GateAttempt } from '#gate'
import { DEVELOPMENT_ISSUER, groupSpecifier } from '#identity'
import { type House, POLICY, startHouse } from '../support/house.ts'
import { tokenOf } from '../support/token.ts'

let house: House
let gate: Gate
beforeAll(async () => {
  const group = `groups:\n  stoppers: ['${groupSpecifier(DEVELOPMENT_ISSUER, 'stoppers')}']\n`
  house = await startHouse({
    policy: `${POLICY.replace('groups:\n', group)}duties: { freeze: [stoppers] }\n`,
  })
  await house.startBroker()
  await house.agent('shop-agent')
  gate = createGate(
    {
      natsUrl: house.natsUrl,
      credentials: house.home.read(FILES.agentCredentials('shop-agent')),
      agentId: 'shop-agent',
      pin: readPin(house.home),
      serviceName: 'shop',
      host: 'test-host',
    },
    { now: house.clock.now },
  )
  await gate.start()
  await vi.waitFor(async () => expect(await lookup()).toMatchObject({ ran: true }), { timeout: 10_000 })
})
afterAll(async () => {
  await gate.stop()
  await house.stop()
})

let calls = 0
const attempt = (name: string): GateAttempt => ({ kind: 'tool', name, arguments: { nth: ++calls } })
const lookup = () => gate.hold(attempt('lookup_customer'), () => 'found')

async function freeze(sub: string, frozen: boolean): Promise<void> {
  const token = await tokenOf(house.home, { sub, name: sub, groups: ['stoppers'] })
  await house.desk.freeze({ token, frozen, channel: 'cli', agentId: 'shop-agent' })
}
const FROZEN = { ran: false, refusal: { code: 'AGENT_FROZEN' } }

test('gate - frozen, it refuses within a second also what policy allows, and what waits ends', async () => {
  const run = vi.fn()
  const waiting = gate.hold(attempt('export_customers'), run)
  await vi.waitFor(async () => expect((await house.desk.list(house.token('bob'))).total).toBe(1))
  const permit = await gate.ask(attempt('lookup_customer'))
  const startedAt = performance.now()
  await freeze('dora', true)
  await vi.waitFor(async () => expect(await lookup()).toMatchObject(FROZEN), { interval: 5 })
  expect(performance.now() - startedAt).toBeLessThan(1_000)
  expect(await waiting).toMatchObject(FROZEN)
  // Asked for before, and not yet begun.
  expect(permit.permitted).toBe(true)
  if (permit.permitted)
    await expect(permit.run(run)).rejects.toThrow(expect.objectContaining({ code: 'AGENT_FROZEN' }))
  expect(run).not.toHaveBeenCalled()
  const refused = await lookup()
  expect(refused.ran ? '' : refused.refusal.message).toMatch(/frozen by dora.*Stop at once/)
  expect(await gate.hold(attempt('export_customers'), run)).toMatchObject(FROZEN)
  expect(await gate.hold(attempt('drop_database'), run)).toMatchObject(FROZEN)
})

test('gate - thawed, it runs again what policy allows', async () => {
  await freeze('emil', false)
  await vi.waitFor(async () => expect(await lookup()).toEqual({ ran: true, value: 'found' }))
})
