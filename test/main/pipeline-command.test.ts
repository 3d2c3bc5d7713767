import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runProgram } from '#runtime'
import { pipelineCommand } from '../../src/main/pipeline.ts'
import { createFakeIo } from '../support/io.ts'

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-pipeline-command-'))
  writeFileSync(join(dir, 'empty'), '\n')
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

async function run(env: Record<string, string>) {
  const io = createFakeIo({ env: { HOLDPOINT_DATA_DIR: join(dir, 'data'), ...env }, cwd: dir })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: [pipelineCommand] }
  return { code: await runProgram(program, ['pipeline'], io), err: io.err() }
}

const CLICKHOUSE = { HOLDPOINT_CLICKHOUSE_URL: 'http://127.0.0.1:1' }
const FORWARD = { HOLDPOINT_PIPELINE_FORWARD_URL: 'http://127.0.0.1:1' }

test.each<[string, Record<string, string>, RegExp]>([
  ['no ClickHouse', {}, /^INVALID_CONFIG: clickhouse\.url .* is missing/],
  [
    'a Collector and no ClickHouse',
    FORWARD,
    /^INVALID_CONFIG: clickhouse\.url .*also when telemetry is forwarded/,
  ],
  [
    'a token for no Collector',
    { ...CLICKHOUSE, HOLDPOINT_PIPELINE_FORWARD_TOKEN_FILE: 'empty' },
    /^INVALID_CONFIG: pipeline\.forward\.tokenFile: pipeline\.forward\.url is missing/,
  ],
  [
    'a token file that is empty',
    { ...CLICKHOUSE, ...FORWARD, HOLDPOINT_PIPELINE_FORWARD_TOKEN_FILE: 'empty' },
    /^INVALID_CONFIG: pipeline\.forward\.tokenFile: .*empty is empty/,
  ],
  [
    'a token file that is not there',
    { ...CLICKHOUSE, ...FORWARD, HOLDPOINT_PIPELINE_FORWARD_TOKEN_FILE: 'nowhere' },
    /^INVALID_CONFIG: pipeline\.forward\.tokenFile: .*nowhere cannot be read/,
  ],
  [
    'a mode that there is not',
    { ...CLICKHOUSE, HOLDPOINT_PIPELINE_MODE: 'fast' },
    /pipeline\.mode|PIPELINE_MODE/,
  ],
  ['no lane', { ...CLICKHOUSE, HOLDPOINT_PIPELINE_LANES: '0' }, /pipeline\.lanes|PIPELINE_LANES/],
])('pipeline - with %s it does not start, and says why', async (_, env, why) => {
  const { code, err } = await run(env)
  expect(code).toBe(1)
  expect(err).toMatch(why)
})
