import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'

/** A campaign as it is run by hand, only shorter; resolves to its exit code and its last line. It ends with its test. */
async function campaign(signal: AbortSignal, name: string, ...args: string[]) {
  const program = join(import.meta.dirname, 'run.ts')
  const child = spawn(process.execPath, [program, name, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  })
  const said = Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = (await once(child, 'close')) as [number | null]
  const [stdout, stderr] = await said
  const [last = ''] = stdout.trim().split('\n').slice(-1)
  if (!last.startsWith('{')) throw new Error(`${name} ended with ${code} and without a result:\n${stderr}`)
  return { code, result: JSON.parse(last) as Record<string, unknown> }
}

/** `first`: what went wrong, in words. */
const passes = (code: number | null, { violations, first }: Record<string, unknown>) =>
  expect({ code, violations, first }).toEqual({ code: 0, violations: 0, first: undefined })
const fails = (code: number | null, { violations }: Record<string, unknown>) => {
  expect(code).toBe(1)
  expect(violations).toBeGreaterThan(0)
}

/** A campaign waits a minute for what goes on no more, and another for what does not drain, before it tells of them. */
const TOLD_WITHIN_MS = 240_000

// Each is a process or several, which mostly wait for each other.
describe.concurrent('slices', () => {
  test('race - one winner for each key on one node and on three, and everybody learns who', async ({
    signal,
  }) => {
    const { code, result } = await campaign(signal, 'race', '--n', '5')
    passes(code, result)
    const whole = { commits: { n: 5, entries: 5 }, consumptions: { n: 20, winners: 1 } }
    expect(result).toMatchObject({ oneNode: whole, threeNodes: whole })
  }, 120_000)

  test('race - without write-once subjects there is more than one', async ({ signal }) => {
    const { code, result } = await campaign(signal, 'race', '--n', '2', '--without', 'write-once')
    fails(code, result)
  }, 120_000)

  test(
    'kill - brokers and servers die under load, and nothing is lost or done twice',
    async ({ signal }) => {
      const { code, result } = await campaign(signal, 'kill', '--n', '1')
      passes(code, result)
      expect(result.executions).toBeGreaterThan(0)
    },
    TOLD_WITHIN_MS,
  )

  test(
    'pipeline - it dies and stands still with its store and its server, and all is stored once',
    async ({ signal }) => {
      const { code, result } = await campaign(signal, 'pipeline', '--n', '2')
      passes(code, result)
      expect(result).toMatchObject({ poisoned: 1 })
      expect(result.items).toBeGreaterThan(0)
      expect(result.actions).toBeGreaterThan(0)
    },
    TOLD_WITHIN_MS,
  )

  test('attacks - some of each kind, and nothing gets through', async ({ signal }) => {
    const { code, result } = await campaign(signal, 'attacks', '--n', '24')
    passes(code, result)
  }, 120_000)

  test.for(['warrant-aud', 'own-request'])(
    'attacks - without %s something gets through',
    { timeout: 120_000 },
    async (guard, { signal }) => {
      const { code, result } = await campaign(signal, 'attacks', '--without', guard)
      fails(code, result)
    },
  )

  test('failclosed - a sample of faults: nothing runs, and afterwards it works again', async ({ signal }) => {
    const { code, result } = await campaign(signal, 'failclosed', '--n', '4')
    passes(code, result)
  }, 120_000)

  test('failclosed - without the signature of a warrant, another key is as good as the broker’s', async ({
    signal,
  }) => {
    const { code, result } = await campaign(signal, 'failclosed', '--without', 'warrant-signature')
    fails(code, result)
  }, 120_000)
})
