import { Readable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FILES } from '#broker'
import { requestsCommands } from '#desk'
import { runProgram } from '#runtime'
import { claimOf, holdAction, reviewAs } from '../support/held.ts'
import { type House, startHouse, type TestAgent } from '../support/house.ts'
import { createFakeIo } from '../support/io.ts'

let house: House
let agent: TestAgent
beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

/** Bob at a terminal, who types `answer` and then closes it. */
async function approve(requestId: string, answer: string) {
  const commands = requestsCommands({
    token: () => house.token('bob'),
    credentials: () => house.home.read(FILES.credentials('desk')),
  })
  const io = createFakeIo({
    env: { HOLDPOINT_DATA_DIR: house.home.dir },
    cwd: house.home.dir,
    nowMs: Date.now(),
  })
  io.stdin = Object.assign(Readable.from(answer === '' ? [] : [answer]), { isTTY: true })
  const program = { name: 'holdpoint', version: '0', summary: '', commands }
  const code = await runProgram(program, ['requests', 'approve', requestId], io)
  return { code, out: io.out(), err: io.err() }
}

test.each([
  ['no', 'n\n'],
  ['an empty line', '\n'],
  ['a word that is neither', 'yep\n'],
  ['the end of the input', ''],
])('desk - %s releases nothing, and says so', async (_, answer) => {
  const { requestId } = await holdAction(agent)
  const { code, out, err } = await approve(requestId, answer)
  expect({ code, out }).toEqual({ code: 1, out: '' })
  expect(err).toContain('Release this action?')
  expect(err).toContain('Not released')
  expect(err).not.toContain('INTERNAL')
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
})

test('desk - yes releases it', async () => {
  const { requestId } = await holdAction(agent)
  expect(await approve(requestId, 'y\n')).toMatchObject({ code: 0, out: `${requestId} is approved\n` })
})

test('desk - what has been decided is said before anybody is asked', async () => {
  const { requestId } = await holdAction(agent)
  await reviewAs(house, 'carol', requestId, 'deny')
  const { code, err } = await approve(requestId, 'y\n')
  expect(code).toBe(1)
  expect(err).toContain(`ALREADY_DECIDED: ${requestId} is denied`)
  expect(err).not.toContain('Release this action?')
})
