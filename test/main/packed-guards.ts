import { copyFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test, vi } from 'vitest'
import { FILES, readPin } from '#broker'
import { createGate, type GateAttempt } from '#gate'
import { reviewAs } from '../support/held.ts'
import type { House } from '../support/house.ts'
import { startProgram } from './packed.ts'

const PROGRAM = 'packed-guards.mjs'

/** `folder` is where the package is installed. */
export function testPackedGuards(scene: () => { house: House; folder: string }): void {
  test('pack - a service under each framework refuses what nobody released, by the installed package', async () => {
    const { house, folder } = scene()
    const settings = async (agentId: string, given = {}) => {
      await house.agent(agentId, given)
      return {
        natsUrl: house.natsUrl,
        credentials: house.home.read(FILES.agentCredentials(agentId)),
        agentId,
        pin: readPin(house.home),
      }
    }
    const billing = await settings('billing', { enforcement: 'resource' })
    copyFileSync(join(import.meta.dirname, PROGRAM), join(folder, PROGRAM))
    const service = startProgram(folder, [PROGRAM], {
      CLONE: resolve(import.meta.dirname, '../../package.json'),
      HOLDPOINT_NATS_URL: billing.natsUrl,
      HOLDPOINT_AGENT: billing.agentId,
      HOLDPOINT_CREDENTIALS: house.home.path(FILES.agentCredentials(billing.agentId)),
      HOLDPOINT_PIN: billing.pin,
    })
    const now = house.clock.now
    const gate = createGate({ ...(await settings('clerk')), serviceName: 'clerk', host: 'test' }, { now })
    await gate.start()
    try {
      const ports = await vi.waitFor(() => JSON.parse(service.stdout()), { timeout: 15_000 })
      expect(Object.keys(ports)).toEqual(['hono', 'express', 'fastify'])
      for (const [framework, port] of Object.entries(ports)) {
        const send = (body: unknown, proof?: string) =>
          fetch(`http://127.0.0.1:${port}/payouts`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', ...(proof && { 'Holdpoint-Warrant': proof }) },
            body: JSON.stringify(body),
          })
        const payout: GateAttempt = {
          kind: 'tool',
          name: 'payout',
          target: 'accounts/eu',
          arguments: { amount: 250, by: framework },
          resource: 'billing',
          onHeld: ({ requestId }) => void reviewAs(house, 'bob', requestId),
        }
        const statuses = await gate.hold(payout, async (approved, proof) => [
          (await send(approved)).status,
          (await send({ ...(approved as object), amount: 251 }, proof)).status,
          await send(approved, proof).then(async (one) => [one.status, await one.json()]),
          (await send(approved, proof)).status,
        ])
        const bob = [expect.objectContaining({ name: expect.stringMatching(/^Bob/) })]
        expect({ framework, ...statuses }).toMatchObject({ ran: true, value: [403, 403, [200, bob], 403] })
      }
    } finally {
      await gate.stop()
      service.stop()
      expect((await service.ended).stderr).toBe('')
    }
  })
}
