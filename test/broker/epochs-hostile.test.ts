import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FILES, publishTrust, readKey, readKeySet } from '#broker'
import {
  decodeEntry,
  digestBytes,
  encodeEntry,
  epochOf,
  type FreezeEntry,
  type HelloReply,
  ledgerStream,
  ledgerSubject,
  TRUST_STREAM,
  TYP,
  trustSubject,
} from '#contract'
import { runProgram } from '#runtime'
import { signDocument } from '#warrant/issue'
import { epochCommands } from '../../src/broker/enrolment/epoch-commands.ts'
import { codeOf, eventually, holdAction } from '../support/held.ts'
import { type House, startHouse, type TestAgent } from '../support/house.ts'
import { createFakeIo } from '../support/io.ts'

let house: House
let agent: TestAgent
beforeEach(async () => {
  house = await startHouse({ driftMs: 100 })
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

async function ledger(...words: string[]): Promise<{ code: number; err: string }> {
  const io = createFakeIo({
    cwd: house.home.dir,
    env: { HOLDPOINT_DATA_DIR: house.home.dir },
    nowMs: Date.now(),
  })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: epochCommands }
  return { code: await runProgram(program, ['ledger', ...words], io), err: io.err() }
}
const isLogged = (...words: string[]) =>
  eventually(
    async () => house.lines.some((line) => words.every((word) => line.includes(word))),
    (found) => found,
  )
const newEpochOf = async () => epochOf((await holdAction(agent)).requestId)
const untilIn = (epoch: number) => eventually(newEpochOf, (found) => found === epoch)
const admin = async () => (await jetstreamManager(await house.connect('admin'))).streams

test('epochs - a number far beyond the next is none, and no broker waits for it when it starts', async () => {
  const now = house.clock.now()
  const { origin } = readKeySet(house.home, now)
  const document = { v: 1, origin, version: 1_000_000, iat: Math.floor(now / 1000) } as const
  const jws = signDocument(TYP.epoch, document, readKey(house.home, FILES.registryKey))
  await jetstream(await house.connect('admin')).publish(trustSubject.epoch(1_000_000), jws)
  await isLogged('an epoch is not the next', '1000000')
  await house.broker().stop()
  await house.startBroker()
  expect(await newEpochOf()).toBe(1)
  expect((await ledger('next')).code).toBe(0)
  await untilIn(2)
})

test('epochs - a broker does not start where the document of an epoch was removed that has entries', async () => {
  await ledger('next')
  await untilIn(2)
  await house.desk.freeze({ token: house.token('bob'), agentId: agent.id, frozen: true, channel: 'cli' })
  await house.broker().stop()
  await (await admin()).purge(TRUST_STREAM, { filter: trustSubject.epoch(2) })
  await expect(house.startBroker()).rejects.toThrow(/epoch 2 has \d+ entries, and no signed document/)
  await publishTrust(await house.connect('admin'), house.home, house.clock.now())
  await house.startBroker()
  const hello = await agent.call<HelloReply>('hello', { process: agent.process })
  expect(hello).toHaveProperty('frozen')
})

test.each([
  [1, 'a freeze'],
  [2, 'the end of a freeze'],
])(
  'epochs - %i: %s that a slower broker has written into the old one stands in the next before that is left',
  async (turns) => {
    await ledger('next')
    await untilIn(2)
    const evidence = digestBytes('token')
    const change = (turn: number): FreezeEntry => ({
      type: 'freeze',
      at: house.clock.now(),
      agent: agent.id,
      turn,
      frozen: turn === 1,
      by: { iss: 'i', sub: 'dora', name: 'Dora', assurance: 'login', channel: 'cli', evidence },
    })
    const slower = await house.connect('broker')
    for (let turn = 1; turn <= turns; turn++)
      await jetstream(slower).publish(ledgerSubject.freeze(1, agent.id, turn), encodeEntry(change(turn)))
    const { requests } = await house.desk.list(house.token('bob'))
    for (const { requestId } of requests) await agent.call('cancel', { requestId }).catch(() => undefined)
    for (const { requestId } of requests)
      await eventually(
        async () => (await house.desk.show(house.token('bob'), requestId)).summary.state,
        (state) => state === 'cancelled',
      )
    expect(await ledger('seal')).toMatchObject({ code: 0 })
    const subject = ledgerSubject.freeze(2, agent.id, turns)
    const found = await (await admin()).getMessage(ledgerStream(2), { last_by_subj: subject })
    expect(decodeEntry(found?.string() ?? '')).toMatchObject({
      agent: agent.id,
      turn: turns,
      frozen: turns === 1,
    })
  },
)

test('epochs - two operators at the same time begin one, and seal one', async () => {
  const [one, other] = await Promise.all([ledger('next'), ledger('next')])
  expect([one.code, other.code]).toEqual([0, 0])
  await untilIn(2)
  const { requests } = await house.desk.list(house.token('bob'))
  for (const { requestId } of requests) await agent.call('cancel', { requestId })
  const sealed = await Promise.all([ledger('seal', '1'), ledger('seal', '1')])
  expect(sealed).toMatchObject([{ code: 0 }, { code: 0 }])
  expect(await newEpochOf()).toBe(2)
  expect(await codeOf(agent.call('claim', { requestId: `3-${'a'.repeat(26)}` }))).toBe('UNKNOWN_REQUEST')
})
