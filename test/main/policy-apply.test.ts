import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { enrolmentCommands, FILES, readPin } from '#broker'
import { createGate } from '#gate'
import { clearRunning, type ExitCode, runProgram } from '#runtime'
import { policyApplyCommand } from '../../src/main/policy-apply.ts'
import { eventually, reviewAs } from '../support/held.ts'
import { type House, POLICY, startHouse } from '../support/house.ts'
import { createFakeIo, type FakeIo } from '../support/io.ts'
import { policyAllowing, putPolicy } from '../support/policy-changes.ts'

const WANTED = policyAllowing('find')

let house: House
let file: string

async function enter(): Promise<void> {
  house = await startHouse({ policyChanges: 'held' })
  file = join(house.home.dir, 'policy.yaml')
}
const leave = () => house.stop()

interface Started {
  io: FakeIo
  ended: Promise<ExitCode>
}

function start(words: string[], person: 'alice' | 'bob' | 'carol' = 'alice'): Started {
  const io = createFakeIo({
    env: {
      HOLDPOINT_DATA_DIR: house.home.dir,
      HOLDPOINT_NATS_URL: house.natsUrl,
      HOLDPOINT_TOKEN: house.token(person),
    },
    cwd: house.home.dir,
  })
  io.now = house.clock.now
  const commands = [policyApplyCommand, ...enrolmentCommands]
  const ended = runProgram(
    { name: 'holdpoint', version: '0', summary: '', commands },
    ['policy', ...words],
    io,
  )
  return { io, ended }
}

/** `holdpoint policy publish` in a house whose broker runs by itself, and not in that of a `holdpoint up`. */
async function publish(...words: string[]) {
  clearRunning(house.home.dir)
  const { io, ended } = start(['publish', 'policy.yaml', ...words])
  return { code: await ended, out: io.out(), err: io.err() }
}

function apply(source: string, words: string[] = [], person?: 'alice' | 'bob' | 'carol'): Started {
  writeFileSync(file, source)
  return start(['apply', 'policy.yaml', ...words], person)
}

const pending = async () => (await house.desk.list(house.token('bob'))).requests
async function theRequest(): Promise<string> {
  const [request] = await eventually(pending, ({ length }) => length > 0)
  return request?.requestId ?? ''
}
const inForce = () => house.desk.policy(house.token('bob'))

// They leave everything as it was, and so share one installation.
describe('what asks nobody', () => {
  beforeAll(enter)
  afterAll(leave)

  test('policy apply - what cannot be used is refused with its place, and nobody is asked', async () => {
    const { io, ended } = apply(`${POLICY}\n  - { id: lookup, match: { kind: tool }, effect: maybe }\n`)
    expect([await ended, io.err()]).toEqual([1, expect.stringMatching(/policy\.yaml:\d+:\d+: .*maybe/)])
    expect(await pending()).toEqual([])
  })

  test('policy apply - the text in force changes nothing, and nobody is asked', async () => {
    const { io, ended } = apply(POLICY)
    expect([await ended, io.err()]).toEqual([0, expect.stringContaining('policy 1 is this very text')])
    expect(await pending()).toEqual([])
  })

  test('policy apply - more than people can judge at once is refused, and nobody is asked', async () => {
    const remarks = Array.from({ length: 2_100 }, (_, n) => `# ${n}`)
    const { io, ended } = apply(`${POLICY}${remarks.join('\n')}\n`)
    expect([await ended, io.err()]).toEqual([1, expect.stringContaining('change the policy in parts')])
    expect(await pending()).toEqual([])
  })

  test('policy apply - a text that could not be published is refused, and nobody is asked', async () => {
    const { io, ended } = apply(`${POLICY}# ${'€'.repeat(300_000)}\n`)
    expect([await ended, io.err()]).toEqual([1, expect.stringContaining('expected at most 700000')])
    expect(await pending()).toEqual([])
  })

  test('policy apply - whoever is not signed in asks for nothing', async () => {
    writeFileSync(file, WANTED)
    const io = createFakeIo({
      env: {
        HOLDPOINT_DATA_DIR: house.home.dir,
        HOLDPOINT_NATS_URL: house.natsUrl,
        HOLDPOINT_TOKEN: 'a.b.c',
      },
      cwd: house.home.dir,
    })
    io.now = house.clock.now
    const program = { name: 'holdpoint', version: '0', summary: '', commands: [policyApplyCommand] }
    expect(await runProgram(program, ['policy', 'apply', 'policy.yaml'], io)).toBe(1)
    expect(await pending()).toEqual([])
  })
})

describe('what changes something', () => {
  beforeEach(enter)
  afterEach(leave)

  test('policy apply - the whole difference is on the card, a second person releases it, and it comes into force', async () => {
    const { io, ended } = apply(WANTED)
    const requestId = await theRequest()
    const { card } = await house.desk.show(house.token('carol'), requestId)
    const { diff } = card.action.arguments as { diff: string }
    for (const line of [
      '-  - { id: lookup, match: { kind: tool, name: "lookup_*" }',
      '+  - { id: lookup, match: { kind: tool, name: "find_*" }',
    ])
      expect([diff.includes(line), io.out().includes(line)]).toEqual([true, true])
    expect(card).toMatchObject({
      rule: 'policy-change',
      agent: { sub: 'policy-apply' },
      onBehalfOf: [{ sub: 'alice' }],
    })
    expect(card.redacted).toEqual([])
    await reviewAs(house, 'carol', requestId)
    expect([await ended, io.err()]).toEqual([0, expect.stringContaining('waits for 1 of sre (login)')])
    expect(io.out()).toContain(`policy 2 is in force, released by Carol Chen (${requestId})`)
    expect(await inForce()).toMatchObject({ version: 2, source: WANTED })
    const shown = await eventually(
      () => house.desk.show(house.token('bob'), requestId),
      ({ summary }) => summary.state === 'executed',
    )
    expect(shown.timeline.map(({ what }) => what)).toEqual([
      'pending',
      'approve',
      'approved',
      'consumed',
      'executed',
    ])
  })

  test('policy apply - with --json the last line says what came into force and who released it', async () => {
    const { io, ended } = apply(WANTED, ['--json'])
    const requestId = await theRequest()
    await reviewAs(house, 'bob', requestId)
    expect(await ended).toBe(0)
    const { hash } = await inForce()
    expect(JSON.parse(io.out().trim().split('\n').at(-1) ?? '')).toEqual({
      version: 2,
      changed: true,
      fromVersion: 1,
      hash,
      requestId,
      releasedBy: [{ iss: expect.any(String), sub: 'bob', name: 'Bob Berger' }],
    })
  })

  test('policy apply - what people deny stays out of force', async () => {
    const { io, ended } = apply(WANTED)
    await reviewAs(house, 'bob', await theRequest(), 'deny', 'Not on a Friday.')
    expect([await ended, io.err()]).toEqual([1, expect.stringContaining('Not on a Friday.')])
    expect((await inForce()).version).toBe(1)
  })

  test('policy apply - Ctrl-C takes the request back', async () => {
    const { io, ended } = apply(WANTED)
    const requestId = await theRequest()
    await eventually(
      async () => io.err(),
      (text) => text.includes('Ctrl-C'),
    )
    io.stop()
    expect(await ended).toBe(1)
    const state = async () => (await house.desk.show(house.token('bob'), requestId)).summary.state
    expect(await eventually(state, (found) => found !== 'pending')).toBe('cancelled')
    expect((await inForce()).version).toBe(1)
  })

  test('policy apply - where another policy came into force meanwhile, the approval changes nothing', async () => {
    const { io, ended } = apply(WANTED)
    const requestId = await theRequest()
    writeFileSync(file, policyAllowing('see'))
    expect(await publish('--break-glass')).toMatchObject({
      code: 0,
      out: 'policy 2 is in force, and nobody has released it\n',
    })
    await reviewAs(house, 'carol', requestId)
    expect([await ended, io.err()]).toEqual([1, expect.stringContaining('do it again')])
    await house.broker().stop()
    await house.startBroker()
    expect(await inForce()).toMatchObject({ version: 2, source: policyAllowing('see') })
  })

  test('policy apply - of two changes of one policy, the first that is released comes into force', async () => {
    const one = apply(WANTED)
    const first = await theRequest()
    const other = apply(policyAllowing('see'))
    await eventually(pending, ({ length }) => length === 2)
    const [second] = (await pending()).filter(({ requestId }) => requestId !== first)
    await Promise.all([reviewAs(house, 'bob', first), reviewAs(house, 'carol', second?.requestId ?? '')])
    expect([await one.ended, await other.ended].toSorted()).toEqual([0, 1])
    const { version, source } = await inForce()
    expect([version, [WANTED, policyAllowing('see')].includes(source)]).toEqual([2, true])
    await house.broker().stop()
    await house.startBroker()
    expect(await inForce()).toMatchObject({ version: 2, source })
  })

  test('policy publish - it changes no policy any more, renews one that is due, and says so', async () => {
    writeFileSync(file, WANTED)
    expect(await publish()).toMatchObject({
      code: 1,
      err: expect.stringContaining('holdpoint policy apply policy.yaml'),
    })
    writeFileSync(file, POLICY)
    expect(await publish()).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^policy 1 is good until \d{4}-\d\d-\d\d\n$/),
    })
    house.clock.advance(70 * 86_400_000)
    expect(await publish()).toMatchObject({
      code: 0,
      out: expect.stringContaining('policy 2 is in force, the same text as policy 1'),
    })
  })

  test('policy publish - without the organisation key there is no break-glass', async () => {
    writeFileSync(file, WANTED)
    house.home.write(FILES.organisation, house.home.read(FILES.policyKey))
    expect(await publish('--break-glass')).toMatchObject({ code: 1, out: '' })
    expect((await inForce()).version).toBe(1)
  })

  test('policy apply - an agent that may write the policy file does not change what holds it', async () => {
    await house.agent('shop', { owner: 'alice' })
    await house.broker().stop()
    const broker = await house.spawnBroker()
    const gate = createGate(
      {
        natsUrl: house.natsUrl,
        credentials: house.home.read(FILES.agentCredentials('shop')),
        agentId: 'shop',
        pin: readPin(house.home),
        serviceName: 'shop',
        host: 'test',
      },
      { now: house.clock.now },
    )
    await gate.start()
    let ran = 0
    const giveUp = new AbortController()
    const attempt = { kind: 'tool', name: 'export_customers', arguments: {}, signal: giveUp.signal }
    const asked = gate.hold(attempt, () => ++ran)
    await theRequest()
    writeFileSync(
      file,
      POLICY.replace('effect: hold\n', 'effect: allow\n').replace('mode: enforce', 'mode: observe'),
    )
    // It may even have taken the policy key with it.
    await putPolicy(house, { version: 2, source: POLICY.replace('mode: enforce', 'mode: observe') })
    broker.kill('SIGKILL')
    await house.spawnBroker()
    const again = gate.hold({ ...attempt, arguments: { again: true } }, () => ++ran)
    await eventually(
      async () => (await pending().catch(() => [])).length,
      (count) => count === 2,
    )
    expect((await inForce()).version).toBe(1)
    expect(ran).toBe(0)
    giveUp.abort()
    expect([(await asked).ran, (await again).ran]).toEqual([false, false])
    await gate.stop()
  })
})
