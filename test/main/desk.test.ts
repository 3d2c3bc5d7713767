import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { endOf } from '../support/broker-process.ts'
import { parsePrometheus, sampleValue } from '../support/metrics/parse.ts'
import { type Running, startProgram } from '../support/program.ts'

// Each command is a process of its own: on a busy machine they add up.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

const ANY_PORT = {
  HOLDPOINT_NATS_PORT: '0',
  HOLDPOINT_IDENTITY_PORT: '0',
  HOLDPOINT_CLICKHOUSE_PORT: '0',
  HOLDPOINT_PIPELINE_PORT: '0',
  HOLDPOINT_HTTP_PORT: '0',
}

let cwd: string
let upUrl: string
const started: Running[] = []
const start = (args: string[], env: Record<string, string> = {}): Running => {
  const running = startProgram('src/main/holdpoint.ts', args, { cwd, env: { ...ANY_PORT, ...env } })
  started.push(running)
  return running
}

beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'holdpoint-desk-'))
  const up = start(['up'])
  await up.said('Holdpoint is up')
  upUrl = /Console\s+(\S+)/.exec(up.stdout())?.[1] ?? ''
})
afterAll(async () => {
  for (const { child } of started.toReversed()) await endOf(child)
  rmSync(cwd, { recursive: true, force: true })
})

test('desk - beside `up` it serves console, REST and keys at a port of its own, and stops in order', async () => {
  const desk = start(['desk'], { HOLDPOINT_METRICS_PORT: '0' })
  await desk.said('console and REST are ready')
  const url = /"url":"(http:[^"]+)","msg":"console and REST are ready"/.exec(desk.stderr())?.[1]
  expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
  expect(url).not.toBe(upUrl)
  expect((await fetch(`${url}/readyz`)).status).toBe(200)
  expect(await (await fetch(`${url}/sign-in`)).text()).toContain('Development sign-in')
  const keys = await (await fetch(`${url}/.well-known/jwks.json`)).json()
  expect(keys).toEqual(await (await fetch(`${upUrl}/.well-known/jwks.json`)).json())
  // What it measures is there, and where the configuration wants it as well.
  const elsewhere = /"url":"(http:[^"]+)","msg":"metrics can be read"/.exec(desk.stderr())?.[1]
  expect(new URL(elsewhere ?? '').port).not.toBe(new URL(url ?? '').port)
  for (const from of [`${url}/metrics`, elsewhere ?? '']) {
    const told = parsePrometheus(await (await fetch(from)).text())
    expect(sampleValue(told, 'target_info', { service_name: 'holdpoint-desk' })).toBe(1)
    const ready = { http_route: '/readyz', http_response_status_code: '200' }
    expect(sampleValue(told, 'http_server_request_duration_seconds_count', ready)).toBe(1)
    expect([...told.keys()].filter((name) => /pipeline|decisions/.test(name))).toEqual([])
  }

  desk.child.kill('SIGTERM')
  expect((await desk.finished).code).toBe(0)
})

test('desk - a port that is taken stops the start: people would look for it there', async () => {
  const { code, stderr } = await start(['desk'], { HOLDPOINT_HTTP_PORT: new URL(upUrl).port }).finished
  expect(code).toBe(1)
  expect(stderr).toMatch(/UNAVAILABLE: .*port \d+ on 127\.0\.0\.1 is taken/)
})

test.each([
  ['http.host', { HOLDPOINT_HTTP_HOST: '0.0.0.0' }],
  ['http.url', { HOLDPOINT_HTTP_URL: 'https://holdpoint.example.com' }],
])('desk - made-up people are refused where %s is not this machine’s alone', async (key, env) => {
  const { code, stderr } = await start(['desk'], env).finished
  expect(code).toBe(1)
  expect(stderr).toMatch(new RegExp(`INVALID_CONFIG: the development sign-in is refused: ${key}`))
})

test('up - made-up people are refused where the console would not be this machine’s alone', async () => {
  const elsewhere = { HOLDPOINT_HTTP_HOST: '0.0.0.0', HOLDPOINT_DATA_DIR: join(cwd, 'elsewhere') }
  const { code, stderr } = await start(['up'], elsewhere).finished
  expect(code).toBe(1)
  expect(stderr).toContain('INVALID_CONFIG: the development sign-in is refused: http.host')
})
