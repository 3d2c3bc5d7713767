import { expect, test } from 'vitest'
import { runProgram } from '#runtime'
import type { Finding } from '../../src/main/doctor/finding.ts'
import { doctorCommand } from '../../src/main/doctor.ts'
import { endOf } from '../support/broker-process.ts'
import { createFakeIo } from '../support/io.ts'
import { startOlderServer } from '../support/older-server.ts'
import { startProgram } from '../support/program.ts'
import { createSurgery } from './surgery.ts'

const { house, variables } = createSurgery()

// The command

const run = async (args: string[], env: Record<string, string> = {}) => {
  const { dir } = house().home
  const io = createFakeIo({
    cwd: dir,
    env: { ...variables(), ...env },
    nowMs: house().clock.now(),
  })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: [doctorCommand] }
  const code = await runProgram(program, ['doctor', ...args], io)
  return { code, out: io.out(), err: io.err() }
}

test('doctor - as JSON, with exit code 0 for a healthy house, and progress beside it', async () => {
  const { code, out, err } = await run(['--json', '--deep'])
  const { findings, counts } = JSON.parse(out)
  expect(findings.filter(({ level }: Finding) => level === 'fault')).toEqual([])
  expect(counts).toMatchObject({ fault: 0, ok: expect.any(Number) })
  expect(code).toBe(0)
  expect(err).toContain('looking at ledger …')
})

test('doctor - a fault ends it with exit code 1, and says why it matters and what mends it', async () => {
  const { code, out } = await run([], { HOLDPOINT_PIN: `ed25519:${'A'.repeat(43)}` })
  expect(code).toBe(1)
  expect(out).toMatch(/^FAULT {4}pin +the configuration has ed25519:A+.*\n +why {3}.*\n +mend {2}.*/m)
  expect(out).toMatch(/^1 fault, /m)
})

test('doctor - an option that it does not know is wrong usage', async () => {
  expect(await run(['--fast'])).toMatchObject({ code: 2, out: '' })
})

test('broker - on a server with known faults it does not start, unless somebody answers for it', async () => {
  const older = await startOlderServer(house().natsUrl, '2.12.3')
  try {
    const env = {
      HOLDPOINT_DATA_DIR: house().home.dir,
      HOLDPOINT_NATS_URL: older.url,
      HOLDPOINT_METRICS_PORT: '0',
    }
    const start = (more: Record<string, string> = {}) =>
      startProgram('src/main/holdpoint.ts', ['broker'], { cwd: house().home.dir, env: { ...env, ...more } })
    const refused = await start().finished
    expect(refused.code).toBe(1)
    expect(refused.stderr).toMatch(/LEDGER_UNAVAILABLE: .*nats-server 2\.12\.3 has known faults/)
    const started = start({ HOLDPOINT_NATS_ASSUMED: '[version]' })
    await started.said('the broker is ready')
    expect(started.stderr()).toContain('taken on trust, and not checked')
    await endOf(started.child)
  } finally {
    older.stop()
  }
})
