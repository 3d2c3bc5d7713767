import { rmSync } from 'node:fs'
import { jetstreamManager, type StreamConfig, type StreamUpdateConfig } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { decodeEntry, epochOf, type LedgerEntry, ledgerStream } from '#contract'
import { createLedgerTail, leafHash, rootOf } from '#ledger'
import { runProgram } from '#runtime'
import { epochCommands } from '../../src/broker/enrolment/epoch-commands.ts'
import { claimOf, consumeOf, holdAction, newNonce, reviewAs } from '../support/held.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'
import { createFakeIo } from '../support/io.ts'

let house: House
let agent: TestAgent
beforeEach(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterEach(() => house.stop())

/** The exit code, and the object that it printed. */
async function ledger(
  ...args: string[]
): Promise<{ code: number; said: Record<string, unknown>; err: string }> {
  const io = createFakeIo({
    cwd: house.home.dir,
    env: { HOLDPOINT_DATA_DIR: house.home.dir },
    nowMs: Date.now(),
  })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: epochCommands }
  const code = await runProgram(program, ['ledger', ...args, '--json'], io)
  return { code, said: JSON.parse(io.out() || '{}') as Record<string, unknown>, err: io.err() }
}

/** New requests open in it. */
async function untilIn(epoch: number): Promise<void> {
  await expect.poll(async () => epochOf((await holdAction(agent)).requestId), { timeout: 10_000 }).toBe(epoch)
}

async function entriesOf(epoch: number): Promise<LedgerEntry[]> {
  const leaves: string[] = []
  const nc = await house.connect('pipeline')
  const tail = createLedgerTail(
    { epoch },
    { nc, onRecord: ({ leaf }) => void leaves.push(leaf), onCorrupt() {} },
  )
  await tail.start()
  await tail.barrier(10_000)
  await tail.stop()
  return leaves.map(decodeEntry)
}

/** Approved, used and over. */
async function runThrough(held: Awaited<ReturnType<typeof holdAction>>): Promise<void> {
  await reviewAs(house, 'bob', held.requestId)
  const nonce = newNonce()
  await consumeOf(agent, held, nonce)
  await agent.call('outcome', { requestId: held.requestId, nonce, outcome: 'executed' })
}

/** Nothing of it waits any more. */
async function cancelAll(): Promise<void> {
  const { requests } = await house.desk.list(house.token('bob'))
  for (const { requestId } of requests) await agent.call('cancel', { requestId })
}

test('epochs - a request ends where it began, new ones go to the next, and an attempt made again finds its own', async () => {
  const old = await holdAction(agent)
  expect((await ledger('next')).said).toEqual({ epoch: 2 })
  await untilIn(2)
  expect(epochOf(old.requestId)).toBe(1)
  expect((await holdAction(agent, old.attempt)).requestId).toBe(old.requestId)
  await runThrough(old)
  expect(await claimOf(agent, old.requestId)).toMatchObject({ status: 'spent' })
  const fresh = await holdAction(agent, attemptOf())
  await runThrough(fresh)
  const types = (await entriesOf(1)).filter(
    (entry) => 'requestId' in entry && entry.requestId === old.requestId,
  )
  expect(types.map(({ type }) => type)).toEqual(['requested', 'review', 'decided', 'spent', 'outcome'])
  expect((await entriesOf(2))[0]).toMatchObject({ type: 'policy' })
})

test('epochs - one is not sealed while anything in it is open; sealed, it takes nothing, and the next one tells its root', async () => {
  const held = await holdAction(agent)
  await ledger('next')
  await untilIn(2)
  const refused = await ledger('seal', '1')
  expect(refused).toMatchObject({ code: 1 })
  expect(refused.err).toMatch(/epoch 1 is not over: \d+ requests wait/)
  await runThrough(held)
  await cancelAll()
  const leaves = await rawLeaves(1)
  const { code, said } = await ledger('seal')
  const root = Buffer.from(rootOf(leaves.map(leafHash))).toString('hex')
  expect({ code, said }).toMatchObject({
    code: 0,
    said: { epoch: 1, entries: leaves.length, isSealed: true, continuedRoot: root },
  })
  expect(await entriesOf(2)).toContainEqual(
    expect.objectContaining({ type: 'continued', epoch: 1, size: leaves.length, root: `sha-256:${root}` }),
  )
  const broker = await house.connect('broker')
  await expect(broker.request('hp.v1.ledger.1.req.1-late.decided', '{}')).resolves.toSatisfy(
    (reply: unknown) => String((reply as { string(): string }).string()).includes('error'),
  )
  expect((await ledger('seal', '1')).code).toBe(0)
  expect((await ledger('seal', '2')).err).toMatch(/expected one before the current one/)
})

test('epochs - after a restart, with a snapshot or without, with the sealed epoch there or dropped', async () => {
  const first = await holdAction(agent)
  await runThrough(first)
  await ledger('next')
  await untilIn(2)
  await cancelAll()
  await ledger('seal')
  const waiting = await holdAction(agent, attemptOf({ name: 'wire_money' }))
  await house.broker().stop()

  await house.startBroker()
  expect(await claimOf(agent, first.requestId)).toMatchObject({ status: 'spent' })
  expect(await claimOf(agent, waiting.requestId)).toEqual({ status: 'pending' })
  await house.broker().stop()

  const manager = await jetstreamManager(await house.connect('admin'))
  await manager.streams.delete(ledgerStream(1))
  await house.startBroker()
  // The snapshot remembers what the stream held.
  expect(await claimOf(agent, first.requestId)).toMatchObject({ status: 'spent' })
  await house.broker().stop()

  rmSync(house.home.path('data/broker'), { recursive: true, force: true })
  await house.startBroker()
  expect(await claimOf(agent, waiting.requestId)).toEqual({ status: 'pending' })
  await expect(claimOf(agent, first.requestId)).rejects.toMatchObject({ code: 'UNKNOWN_REQUEST' })
})

test('epochs - a broker that knows none of the sealed ones leaves them all, whatever has come into force since', async () => {
  for (const words of ['next', 'next']) await ledger(words)
  await untilIn(3)
  await cancelAll()
  for (const words of ['seal', 'seal']) expect((await ledger(words)).said).toHaveProperty('continuedRoot')
  await house.desk.freeze({ token: house.token('bob'), agentId: agent.id, frozen: true, channel: 'cli' })
  await house.broker().stop()
  rmSync(house.home.path('data/broker'), { recursive: true, force: true })

  await house.startBroker()
  await ledger('next')
  expect((await ledger('seal')).said).toMatchObject({ epoch: 3, continuedRoot: expect.any(String) })
})

test('epochs - one that has not been told yet how the one before ended is not sealed', async () => {
  for (const words of ['next', 'next']) await ledger(words)
  await house.broker().stop()
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const sealed: Partial<StreamConfig> = { sealed: true }
  await streams.update(ledgerStream(1), sealed as Partial<StreamUpdateConfig>)
  const refused = await ledger('seal')
  expect(refused.code).toBe(1)
  expect(refused.err).toContain('epoch 2 does not say yet how epoch 1 ended')
  await house.startBroker()
  await expect.poll(async () => (await ledger('seal')).code, { timeout: 10_000 }).toBe(0)
})

test('epochs - an agent that is frozen stays so in the next, and somebody else still has to thaw it', async () => {
  await house.desk.freeze({ token: house.token('bob'), agentId: agent.id, frozen: true, channel: 'cli' })
  await ledger('next')
  await expect
    .poll(async () => (await entriesOf(2).catch(() => [])).map(({ type }) => type), { timeout: 10_000 })
    .toEqual(['policy', 'freeze'])
  const thaw = (person: 'bob' | 'carol') =>
    house.desk.freeze({ token: house.token(person), agentId: agent.id, frozen: false, channel: 'cli' })
  await expect(thaw('bob')).rejects.toThrow()
})

test('epochs - one that nobody has signed is none', async () => {
  const admin = await house.connect('admin')
  const manager = await jetstreamManager(admin)
  const { config } = await manager.streams.info(ledgerStream(1))
  await manager.streams.add({ ...config, name: ledgerStream(2), subjects: ['hp.v1.ledger.2.>'] })
  await admin.request('hp.v1.trust.epoch.2', house.home.read('trust/keyset.jws'))
  expect(epochOf((await holdAction(agent)).requestId)).toBe(1)
  await expect
    .poll(() => house.lines.some((line) => line.includes('a signed document was refused')))
    .toBe(true)
  expect(epochOf((await holdAction(agent)).requestId)).toBe(1)
})

async function rawLeaves(epoch: number): Promise<string[]> {
  const manager = await jetstreamManager(await house.connect('pipeline'), { checkAPI: false })
  const { state } = await manager.streams.info(ledgerStream(epoch))
  const leaves: string[] = []
  for (let seq = 1; seq <= state.last_seq; seq++)
    leaves.push((await manager.streams.getMessage(ledgerStream(epoch), { seq }))?.string() ?? '')
  return leaves
}
