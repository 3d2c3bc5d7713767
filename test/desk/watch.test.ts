import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimOf, eventually, holdAction, reviewAs } from '../support/held.ts'
import { HOSTILE_TEXTS, hostileAttempt, isSendable } from '../support/hostile.ts'
import { attemptOf, type House, startHouse, type TestAgent } from '../support/house.ts'
import { createReviewer, type Reviewer } from '../support/reviewer.ts'

let house: House
let agent: TestAgent
let run: Reviewer['run']
let start: Reviewer['start']
beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
  ;({ run, start } = createReviewer(house))
})
afterAll(() => house.stop())

// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not come out
const CONTROL = /(?!\n)[\x00-\x1f\x7f-\x9f]/

test('desk - without a terminal, each thing that happens is a line', async () => {
  const before = await holdAction(agent, attemptOf({ name: 'was_there' }))
  const watching = start(['watch', '--search', 'was_there'])
  await watching.shows(`waiting    ${before.requestId}  pending   was_there`)
  const after = await holdAction(agent, attemptOf({ name: 'was_there_too' }))
  await holdAction(agent, attemptOf({ name: 'elsewhere' }))
  await watching.shows(`opened     ${after.requestId}  pending   was_there_too`)
  await reviewAs(house, 'bob', after.requestId)
  await watching.shows(`decided    ${after.requestId}  approved  was_there_too`)
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

test('desk - at a terminal, one request’s status runs in place below its card', async () => {
  const { requestId } = await holdAction(agent)
  const watching = start(['watch', requestId], { isTty: true })
  await watching.shows('\rwaits for a decision · ')
  await reviewAs(house, 'bob', requestId)
  expect(await watching.ended).toBe(0)
  const out = watching.io.out()
  expect(out).toMatch(
    /What exactly will run[\s\S]*\rwaits for a decision · \d+ min[^\n]*\rapproved, not yet used/,
  )
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
