import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type ExitCode, runProgram } from '#runtime'
import { policyApplyCommand } from '../../src/main/policy-apply.ts'
import { eventually, reviewAs } from '../support/held.ts'
import { type House, POLICY, startHouse } from '../support/house.ts'
import { createFakeIo, type FakeIo } from '../support/io.ts'
import { changeRequest, policyAgentOf, policyAllowing } from '../support/policy-changes.ts'

const WANTED = policyAllowing('find')

let house: House
beforeEach(async () => {
  house = await startHouse({ policyChanges: 'held' })
})
afterEach(() => house.stop())

function apply(
  source: string,
  person: 'alice' | 'carol' = 'alice',
): { io: FakeIo; ended: Promise<ExitCode> } {
  writeFileSync(join(house.home.dir, 'policy.yaml'), source)
  const io = createFakeIo({
    env: {
      HOLDPOINT_DATA_DIR: house.home.dir,
      HOLDPOINT_NATS_URL: house.natsUrl,
      HOLDPOINT_TOKEN: house.token(person),
    },
    cwd: house.home.dir,
  })
  io.now = house.clock.now
  const program = { name: 'holdpoint', version: '0', summary: '', commands: [policyApplyCommand] }
  return { io, ended: runProgram(program, ['policy', 'apply', 'policy.yaml'], io) }
}

const pending = async () => (await house.desk.list(house.token('bob'))).requests
async function theRequest(): Promise<string> {
  const [request] = await eventually(pending, ({ length }) => length > 0)
  return request?.requestId ?? ''
}
const inForce = () => house.desk.policy(house.token('bob'))

test('policy apply - a release that was used and not published is carried out by the same command, asking nobody again', async () => {
  const held = await changeRequest(house, await policyAgentOf(house), WANTED, 'consumed')
  const other = apply(policyAllowing('see'))
  const asked = await theRequest()
  await reviewAs(house, 'bob', asked, 'deny')
  expect(await other.ended).toBe(1)

  const { io, ended } = apply(WANTED, 'carol')
  expect([await ended, io.err()]).toEqual([
    0,
    expect.stringContaining(`${held.requestId} was released before`),
  ])
  expect(io.out()).toContain(`policy 2 is in force, released by Bob Berger (${held.requestId})\n`)
  expect(await pending()).toEqual([])
  expect(await inForce()).toMatchObject({ version: 2, source: WANTED })
})

test.each(['approved', 'denied'] as const)(
  'policy apply - an earlier request that is only %s is nothing to go on with',
  async (reached) => {
    const before = await changeRequest(house, await policyAgentOf(house), WANTED, reached)
    const { ended } = apply(`${WANTED}# again\n`)
    const requestId = await theRequest()
    expect(requestId).not.toBe(before.requestId)
    await reviewAs(house, 'bob', requestId, 'deny')
    expect(await ended).toBe(1)
    expect((await inForce()).version).toBe(1)
  },
)

test('policy apply - a release that was used for a policy that has been replaced since is not used again', async () => {
  await changeRequest(house, await policyAgentOf(house), WANTED, 'consumed')
  expect(await apply(WANTED).ended).toBe(0)
  const back = apply(POLICY)
  await reviewAs(house, 'bob', await theRequest())
  expect(await back.ended).toBe(0)
  const again = apply(WANTED)
  await reviewAs(house, 'bob', await theRequest(), 'deny')
  expect(await again.ended).toBe(1)
  expect(await inForce()).toMatchObject({ version: 3, source: POLICY })
})
