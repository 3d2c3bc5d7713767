import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { startProgram } from './support/program.ts'

// A whole installation starts, plays and stops; on a busy machine that takes its time.
vi.setConfig({ testTimeout: 60_000 })

test('flow - the demo under attack: released by others than the actor, verified; forged, replayed and missing are found', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'holdpoint-demo-'))
  const ports = {
    HOLDPOINT_NATS_PORT: '0',
    HOLDPOINT_PIPELINE_PORT: '0',
    HOLDPOINT_CLICKHOUSE_PORT: '0',
    HOLDPOINT_IDENTITY_PORT: '0',
  }
  const { code, stdout, stderr } = await startProgram('src/main/demo.ts', ['--attack', '--json'], {
    cwd,
    env: ports,
  }).finished
  rmSync(cwd, { recursive: true, force: true })
  expect(code, stderr).toBe(0)
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
  expect(Object.keys(result)).toEqual(['traceId', 'actions', 'ledger'])
  expect(result.traceId).toMatch(/^[0-9a-f]{32}$/)
  expect(result.ledger).toEqual({
    size: 11,
    root: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
    verified: true,
  })
  const actor = 'support-agent'
  const held = {
    ruling: 'hold',
    decision: 'approved',
    outcome: 'executed',
    actor,
    verification: 'verified',
    waitMs: expect.any(Number),
  }
  const unasked = { decision: null, approver: null, actor, waitMs: null }
  expect(result.actions).toEqual([
    {
      ...unasked,
      name: 'lookup_customer',
      ruling: 'allow',
      outcome: 'executed',
      verification: 'not_required',
    },
    { ...held, name: 'export_customers', approver: 'Bob Berger' },
    { ...held, name: 'grant_role', approver: 'Carol Chen' },
    { ...unasked, name: 'drop_database', ruling: 'deny', outcome: 'not_run', verification: 'refused' },
    { ...unasked, name: 'rotate_keys', ruling: 'hold', outcome: 'executed', verification: 'forged' },
    { ...unasked, name: 'export_customers', ruling: 'hold', outcome: 'executed', verification: 'replayed' },
    { ...unasked, name: 'grant_role', ruling: 'hold', outcome: 'executed', verification: 'missing' },
  ])
})
