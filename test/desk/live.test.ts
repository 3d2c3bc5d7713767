import { spawn, spawnSync } from 'node:child_process'
import { PassThrough, Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FILES } from '#broker'
import { requestsCommands } from '#desk'
import { runProgram } from '#runtime'
import { claimOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { HOSTILE_TEXTS, hostileAttempt, isSendable } from '../support/hostile.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'
import { createFakeIo } from '../support/io.ts'

let house: House
let agent: TestAgent
beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
})
afterAll(() => house.stop())

const commands = requestsCommands({
  token: ({ env }) => house.token(env.PERSON as 'bob'),
  credentials: () => house.home.read(FILES.credentials('desk')),
})
type Person = 'alice' | 'bob' | 'carol'

/** A command that goes on while the test looks at what it has written. */
function start(words: string[], { person = 'bob' as Person, isTty = false, columns = 100, rows = 40 } = {}) {
  const io = createFakeIo({
    env: { HOLDPOINT_DATA_DIR: house.home.dir, PERSON: person, TERM: 'xterm' },
    cwd: house.home.dir,
    nowMs: Date.now(),
  })
  const keys = new PassThrough()
  io.stdin = Object.assign(isTty ? keys : Readable.from([]), { isTTY: isTty })
  if (isTty) Object.assign(io.stdout, { isTTY: true, columns, rows })
  const program = { name: 'holdpoint', version: '0', summary: '', commands }
  const ended = runProgram(program, ['requests', ...words], io)
  return {
    io,
    ended,
    press: (text: string) => keys.write(text),
    shows: (text: string | RegExp) =>
      eventually(
        async () => io.out(),
        (out) => (typeof text === 'string' ? out.includes(text) : text.test(out)),
      ),
    async stop() {
      io.stop()
      return ended
    },
  }
}
const run = async (words: string[], person: Person = 'bob') => {
  const { io, ended } = start(words, { person })
  return { code: await ended, out: io.out(), err: io.err() }
}
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not come out
const CONTROL = /(?!\n)[\x00-\x1f\x7f-\x9f]/

test('desk - a list is aligned, and JSON is the reply', async () => {
  const { requestId } = await holdAction(agent)
  const { out } = await run(['list'])
  expect(out).toMatch(/^REQUEST +TIME +RISK +ACTION +AGENT +RULE\n/)
  expect(out).toMatch(
    new RegExp(`${requestId} +\\d+ min.* left +- +export_customers +support-agent \\(prod\\) +defaults`),
  )
  const reply = JSON.parse((await run(['list', '--json'])).out)
  expect(reply).toMatchObject({ total: expect.any(Number) })
  expect(reply.requests).toContainEqual(expect.objectContaining({ requestId, state: 'pending' }))
})

test('desk - filters narrow a list, and pages go on where the one before ended', async () => {
  const names = ['wipe_one', 'wipe_two', 'wipe_three']
  for (const name of names) await holdAction(agent, attemptOf({ name }))
  expect(JSON.parse((await run(['list', '--search', 'wipe_t', '--json'])).out).total).toBe(2)
  expect(JSON.parse((await run(['list', '--environment', 'staging', '--json'])).out).total).toBe(0)
  expect(
    JSON.parse((await run(['list', '--agent', 'support-agent', '--search', 'wipe', '--json'])).out).total,
  ).toBe(3)
  const first = await run(['list', '--search', 'wipe', '--limit', '2'])
  const cursor = /2 of 3; for the next page add --cursor (\S+)/.exec(first.err)?.[1] ?? ''
  const second = await run(['list', '--search', 'wipe', '--limit', '2', '--cursor', cursor])
  expect(names.filter((name) => first.out.includes(name))).toEqual(['wipe_one', 'wipe_two'])
  expect(names.filter((name) => second.out.includes(name))).toEqual(['wipe_three'])
})

test('desk - what somebody could not answer is not theirs', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'alices_own' }))
  const mine = async (person: Person) =>
    (await run(['list', '--mine', '--json'], person)).out.includes(requestId)
  expect([await mine('alice'), await mine('bob')]).toEqual([false, true])
})

test.each([
  [['list', '--risk', 'enormous'], '--risk "enormous": expected low, medium, high or critical'],
  [['list', '--limit', '0'], '--limit "0": expected a whole number from 1 to 200'],
  [['list', '--limit', '5x'], 'expected a whole number'],
  [['list', '--all', '--decided'], 'exclude each other'],
  [['watch', '1-abcd', '--mine'], 'leave the filters out'],
])('desk - %j is wrong usage', async (words, message) => {
  const { code, out, err } = await run(words)
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain(message)
})

test('desk - a request is found by the beginning of its id, whatever others are called', async () => {
  const wanted = await holdAction(agent, attemptOf({ name: 'wanted' }))
  const prefix = wanted.requestId.slice(0, 12)
  for (let at = 0; at < 3; at++)
    await holdAction(agent, attemptOf({ name: `${prefix}-decoy`, target: wanted.requestId }))
  const shown = JSON.parse((await run(['show', prefix, '--json'])).out)
  expect(shown.card.action.name).toBe('wanted')
  expect(shown.timeline[0]).toMatchObject({ type: 'requested' })
  const { code, err } = await run(['show', '1-'])
  expect(code).toBe(1)
  expect(err).toContain('UNKNOWN_REQUEST')
})

test('desk - a card that does not fit is not approved until it is shown in full', async () => {
  const long = { script: 'x'.repeat(70_000) }
  const { requestId } = await holdAction(agent, attemptOf({ name: 'long', arguments: long }))
  const refused = await run(['approve', requestId, '--yes'])
  expect(refused).toMatchObject({ code: 1, out: '' })
  expect(refused.err).toContain('say --full')
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
  expect(await run(['approve', requestId, '--yes', '--full'])).toMatchObject({
    code: 0,
    out: `${requestId} is approved\n`,
  })
})

test('desk - a review carries the digest of what was shown, and stands in the timeline', async () => {
  const { requestId } = await holdAction(agent)
  await run(['deny', requestId, '--reason', 'use the masked export'])
  const { out } = await run(['show', requestId])
  expect(out).toContain('deny by Bob Berger (bob, cli, login)')
  expect(out).toContain('“ use the masked export')
  expect(out).toMatch(/denied/)
})

test('desk - the owner takes a request back, and nobody else does', async () => {
  const { requestId } = await holdAction(agent)
  expect((await run(['withdraw', requestId], 'bob')).err).toContain('NOT_THE_REQUESTER')
  expect(await run(['withdraw', requestId], 'alice')).toMatchObject({
    code: 0,
    out: `${requestId} is cancelled\n`,
  })
})

test('desk - without a terminal, each thing that happens is a line', async () => {
  const before = await holdAction(agent, attemptOf({ name: 'was_there' }))
  const watching = start(['watch', '--search', 'was_there'])
  await watching.shows(`waiting   ${before.requestId}  pending   was_there`)
  const after = await holdAction(agent, attemptOf({ name: 'was_there_too' }))
  await holdAction(agent, attemptOf({ name: 'elsewhere' }))
  await watching.shows(`opened    ${after.requestId}  pending   was_there_too`)
  await reviewAs(house, 'bob', after.requestId)
  await watching.shows(`decided   ${after.requestId}  approved  was_there_too`)
  expect(await watching.stop()).toBe(0)
  expect(watching.io.out()).not.toContain('elsewhere')
  expect(watching.io.out()).not.toMatch(CONTROL)
})

test('desk - as JSON, each thing that happens is an object', async () => {
  const watching = start(['watch', '--json', '--search', 'json_action'])
  const { requestId } = await holdAction(agent, attemptOf({ name: 'json_action' }))
  await watching.shows(requestId)
  await reviewAs(house, 'carol', requestId, 'deny')
  await watching.shows('"event":"decided"')
  await watching.stop()
  const events = watching.io
    .out()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  // Whether the review is seen before the decision that it makes is a matter of luck.
  const seen = events.filter(({ event }) => event !== 'reviewed')
  expect(seen.map(({ event, request }) => [event, request.state])).toEqual([
    [expect.stringMatching(/waiting|opened/), 'pending'],
    ['decided', 'denied'],
  ])
})

test.each([
  ['approve', 0, 'approved, not yet used'],
  ['deny', 1, 'denied'],
] as const)('desk - one request is watched until somebody says %s', async (verdict, code, words) => {
  const { requestId } = await holdAction(agent)
  const watching = start(['watch', requestId])
  await watching.shows('waits for a decision · 1 more approval needed')
  await reviewAs(house, 'bob', requestId, verdict)
  expect(await watching.ended).toBe(code)
  expect(watching.io.out()).toContain(`\n${words}\n`)
})

test('desk - one request that nobody decides is given up when asked to, and is not approved', async () => {
  const { requestId } = await holdAction(agent)
  const watching = start(['watch', requestId, '--json'])
  await watching.shows('"state":"pending"')
  expect(await watching.stop()).toBe(1)
})

test('desk - at a terminal: move, open, read to the end, approve', async () => {
  const { requestId } = await holdAction(
    agent,
    attemptOf({ name: 'keyed', arguments: { lines: Array.from({ length: 40 }, (_, at) => at) } }),
  )
  const watching = start(['watch', '--search', 'keyed'], { isTty: true })
  await watching.shows('1 waiting')
  watching.press('a')
  await watching.shows('There is more of this card')
  watching.press('y')
  watching.press('   ')
  watching.press('a')
  await watching.shows('Release this action? [y/N]')
  expect(await claimOf(agent, requestId)).toEqual({ status: 'pending' })
  watching.press('y')
  await watching.shows(`${requestId} is approved`)
  await watching.shows('0 waiting')
  watching.press('q')
  expect(await watching.ended).toBe(0)
  expect(watching.io.out().startsWith('\u001b[?1049h')).toBe(true)
  expect(watching.io.out().endsWith('\u001b[?1049l')).toBe(true)
})

test('desk - at a terminal: deny with a reason, which the agent is told', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'refused_by_key' }))
  const watching = start(['watch', '--search', 'refused_by_key'], { isTty: true })
  await watching.shows('1 waiting')
  watching.press('d')
  await watching.shows('Why not?')
  watching.press('not on a Friday\r')
  await watching.shows(`${requestId} is denied`)
  expect(await claimOf(agent, requestId)).toMatchObject({ status: 'denied', reason: 'not on a Friday' })
  watching.press('\u0003')
  expect(await watching.ended).toBe(0)
})

test('desk - at a terminal: what may not be answered is refused with its code, and the list goes on', async () => {
  await holdAction(agent, attemptOf({ name: 'alices_key' }))
  const watching = start(['watch', '--search', 'alices_key'], { isTty: true, person: 'alice', rows: 60 })
  await watching.shows('1 waiting')
  watching.press('a')
  await watching.shows('Release this action?')
  watching.press('y')
  await watching.shows('SELF_APPROVAL')
  watching.press('\u001b')
  watching.press('q')
  expect(await watching.ended).toBe(0)
})

test('desk - no hostile text reaches a terminal as it is, in no command', async () => {
  const dangerous = HOSTILE_TEXTS.filter((one) => isSendable(one) && one.text.length < 5_000)
  const watching = start(['watch'])
  for (const { text } of dangerous) await holdAction(agent, { ...hostileAttempt(text) })
  await eventually(
    async () => watching.io.out().split('\n').length,
    (lines) => lines > dangerous.length,
  )
  await watching.stop()
  const listed = await run(['list', '--limit', '200'])
  const shown = []
  for (const { requestId } of JSON.parse((await run(['list', '--limit', '200', '--json'])).out).requests)
    shown.push((await run(['show', requestId, '--full'])).out)
  for (const out of [watching.io.out(), listed.out, ...shown]) {
    expect(CONTROL.exec(out)?.[0].codePointAt(0)).toBeUndefined()
    for (const { raw, dangerousIn } of dangerous)
      if (raw !== undefined && dangerousIn === 'everywhere') expect(out.includes(raw)).toBe(false)
  }
  expect(shown.length).toBeGreaterThan(dangerous.length)
}, 60_000)

const hasScript = spawnSync('script', ['--version']).stdout?.toString().includes('util-linux') ?? false

test.skipIf(!hasScript)('desk - on a real pseudo-terminal, the screen is given back as it was', async () => {
  const { requestId } = await holdAction(agent, attemptOf({ name: 'real_terminal' }))
  const main = fileURLToPath(new URL('../../src/main/holdpoint.ts', import.meta.url))
  const command = `'${process.execPath}' '${main}' requests watch --search real_terminal; stty -a | grep -o ' icanon'`
  const child = spawn('script', ['-qefc', command, '/dev/null'], {
    cwd: house.home.dir,
    env: {
      ...process.env,
      TERM: 'xterm',
      HOLDPOINT_DATA_DIR: house.home.dir,
      HOLDPOINT_TOKEN: house.token('bob'),
    },
  })
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  const shows = (text: string) =>
    eventually(
      async () => out,
      (all) => all.includes(text),
    )
  const ended = new Promise((resolve) => child.once('close', resolve))
  await shows('1 waiting')
  child.stdin.write('d')
  await shows('Why not?')
  child.stdin.write('from a terminal\r')
  await shows(`${requestId} is denied`)
  child.stdin.write('q')
  await ended
  expect(out.slice(out.lastIndexOf('\u001b[?1049l'))).toContain('icanon')
  expect(await claimOf(agent, requestId)).toMatchObject({ status: 'denied', reason: 'from a terminal' })
})
