import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { jetstreamManager } from '@nats-io/jetstream'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { connectAs } from '#broker'
import { prometheusName } from '#runtime'
import { endOf } from '../support/broker-process.ts'
import { METRICS_CATALOGUE } from '../support/metrics/catalogue.ts'
import { parsePrometheus, sampleValue } from '../support/metrics/parse.ts'
import { type Finished, type Running, startProgram } from '../support/program.ts'
import { runCommand } from './run-command.ts'

// Each start is a process with a whole installation: on a busy machine they add up.
vi.setConfig({ testTimeout: 120_000 })

let cwd: string
let started: Running[] = []
function enter(): void {
  cwd = mkdtempSync(join(tmpdir(), 'holdpoint-up-'))
  started = []
}
async function leave(): Promise<void> {
  for (const { child } of started) await endOf(child)
  rmSync(cwd, { recursive: true, force: true })
}

const start = (args: string[], env: Record<string, string> = {}): Running => {
  const running = startProgram('src/main/holdpoint.ts', args, { cwd, env })
  started.push(running)
  return running
}
/** As a shell does it. */
const typed = (...args: string[]): Promise<Finished> => start(args).finished
const run = (...args: string[]): Promise<Finished> => runCommand(args, { cwd })

// In this order: each finds the installation as the one before has left it, and the last one ends it.
describe('in one folder, which was empty', { shuffle: false, concurrent: false }, () => {
  let up: Running
  let taken: number
  beforeAll(async () => {
    enter()
    const other = createServer()
    taken = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
    )
    up = start(['up'], { HOLDPOINT_NATS_PORT: String(taken), HOLDPOINT_PIPELINE_PORT: String(taken) })
    await up.said('Holdpoint is up').finally(() => other.close())
  }, 120_000)
  afterAll(leave)

  test('up - a taken port is replaced by the next free one, and printed', () => {
    const ports = [...up.stdout().matchAll(/(?:NATS|OTLP\/HTTP)\s+\S+:(\d+)/g)].map(([, found]) =>
      Number(found),
    )
    expect(ports).toHaveLength(2)
    for (const found of ports) expect(found).toBeGreaterThan(taken)
  })

  test('up - from an empty folder to a held action that a signed-in person releases', async () => {
    expect(statSync(join(cwd, '.holdpoint/keys/organisation.seed')).mode & 0o777).toBe(0o600)

    const added = await typed('agent', 'add', 'my-agent', '--owner', 'alice', '--environment', 'prod')
    expect(added).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^export HOLDPOINT_NATS_URL=nats:.*\nexport HOLDPOINT_CREDENTIALS=.*my-agent\.creds\nexport HOLDPOINT_AGENT=my-agent\nexport HOLDPOINT_PIN=ed25519:\S{43}\nexport OTEL_EXPORTER_OTLP_ENDPOINT=http:\S+\n$/,
      ),
    })
    expect(await run('requests', 'list')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('UNAUTHENTICATED: not signed in'),
    })

    const variables = JSON.parse(
      (await run('agent', 'add', 'my-agent', '--owner', 'alice', '--environment', 'prod', '--json')).stdout,
    )
    const agent = startProgram('test/support/apps/hold-once.ts', [], { cwd, env: variables, gated: true })
    started.push(agent)
    expect(await typed('login', 'alice')).toMatchObject({ code: 0 })
    const requestId = await firstRequest()
    expect(await run('requests', 'approve', requestId, '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('SELF_APPROVAL'),
    })
    expect(await run('login', 'bob')).toMatchObject({ code: 0, stdout: 'signed in as bob (Bob Berger)\n' })
    const unseen = await typed('requests', 'approve', requestId)
    expect(unseen).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('Nobody is here to read this card'),
    })
    const approved = await run('requests', 'approve', requestId.slice(0, 8), '--yes', '--reason', 'ticket 1')
    expect(approved).toMatchObject({
      code: 0,
      stdout: `${requestId} is approved\n`,
      stderr: expect.stringContaining('"role": "admin"'),
    })
    expect(await agent.finished).toMatchObject({ code: 0, stdout: '{"ran":true,"value":"granted"}\n' })
    const sql = await typed('sql', '--json', 'SELECT agent, name, approvers, outcome FROM holdpoint_actions')
    expect(JSON.parse(sql.stdout).rows).toEqual([
      { agent: 'my-agent', name: 'grant_role', approvers: ['Bob Berger'], outcome: 'executed' },
    ])
  })

  test('up - what all of it has done is there for Prometheus, and names nobody and nothing of theirs', async () => {
    const { http, otlp } = JSON.parse(readFileSync(join(cwd, '.holdpoint/runtime.json'), 'utf8'))
    const headers = { 'content-type': 'application/json' }
    await fetch(`${otlp.url}/v1/logs`, { method: 'POST', headers, body: '{}' })
    // Whoever may send does not read.
    expect((await fetch(`${otlp.url}/metrics`)).status).toBe(404)
    const read = async () => (await fetch(`${http.url}/metrics`)).text()
    const told = parsePrometheus(await read())
    const known = METRICS_CATALOGUE.flatMap(({ instruments }) => instruments.map(prometheusName))
    expect([...told.keys()].filter((name) => !known.includes(name))).toEqual(['target_info'])
    const value = (name: string, labels = {}) => sampleValue(told, name, labels)
    const review = { verdict: 'approve', channel: 'cli', assurance: 'login' }
    expect(value('holdpoint_reviews_total', review)).toBe(1)
    expect(value('holdpoint_decisions_total', { decision: 'approved' })).toBe(1)
    expect(value('holdpoint_approval_wait_seconds_count', { decision: 'approved' })).toBe(1)
    expect(value('holdpoint_requests_pending')).toBe(0)
    // The policy, and asked for, reviewed, decided, consumed, executed.
    expect(value('holdpoint_ledger_size')).toBe(6)
    expect(value('holdpoint_pipeline_requests_total', { signal: 'logs', protocol: 'http', code: '0' })).toBe(
      1,
    )
    for (const connection of ['broker', 'agents', 'pipeline', 'telemetry', 'desk', 'channel'])
      expect(value('holdpoint_nats_rtt_seconds', { connection })).toBeLessThan(2)
    for (const level of ['ledger_behind', 'lag_seconds', 'ledger_waiting'])
      await expect
        .poll(async () => sampleValue(parsePrometheus(await read()), `holdpoint_pipeline_${level}`))
        .toBe(0)
    const labels = [...told.values()].flatMap(({ samples }) =>
      samples.flatMap((sample) => Object.values(sample.labels)),
    )
    expect(labels.join('\n')).not.toMatch(
      /alice|bob|berger|@|my-agent|grant_role|ticket|[0-9a-f]{16}|[/\\]tmp/i,
    )
  })

  test('up - a second one in the same folder is refused before it starts anything', async () => {
    const { code, stdout, stderr } = await typed('up')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(new RegExp(`^UNAVAILABLE: Holdpoint runs already .*process ${up.child.pid}\\b`))
    expect(
      await run('agent', 'add', 'other-agent', '--owner', 'alice', '--environment', 'prod'),
    ).toMatchObject({
      code: 0,
    })
  })

  test('up - starts again beside an epoch that is sealed, and one that was dropped stays so', async () => {
    expect(await typed('ledger', 'next')).toMatchObject({ code: 0 })
    for (const word of ['next', 'seal', 'seal']) expect(await run('ledger', word)).toMatchObject({ code: 0 })
    expect(await drop('HP_LEDGER_1')).toBe(true)
    up.child.kill('SIGINT')
    await up.finished

    up = start(['up'])
    await up.said('Holdpoint is up')
    const { stdout } = await run('ledger', 'status', '--json')
    expect(JSON.parse(stdout)).toMatchObject({
      current: 3,
      epochs: [
        { epoch: 2, isSealed: true },
        { epoch: 3, isSealed: false },
      ],
    })
  })

  test('up - goes back down, and what needs it says so', async () => {
    up.child.kill('SIGINT')
    expect((await up.finished).code).toBe(0)
    expect(await run('requests', 'list')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('start `holdpoint up`'),
    })
  })
})

async function drop(stream: string): Promise<boolean> {
  const { nats } = JSON.parse(readFileSync(join(cwd, '.holdpoint/runtime.json'), 'utf8'))
  const nc = await connectAs(
    'admin',
    nats.url,
    readFileSync(join(cwd, '.holdpoint/credentials/admin.creds'), 'utf8'),
  )
  const deleted = await (await jetstreamManager(nc)).streams.delete(stream)
  await nc.close()
  return deleted
}

async function firstRequest(): Promise<string> {
  for (let look = 0; look < 100; look++) {
    const { requests } = JSON.parse((await run('requests', 'list', '--json')).stdout)
    if (requests.length > 0) return requests[0].requestId
  }
  throw new Error('no request came')
}

describe('in a folder of its own', () => {
  beforeEach(enter)
  afterEach(leave)

  test('up - a NATS that the environment names and that is not there is said to come from it', async () => {
    const { code, stderr } = await start(['up'], { HOLDPOINT_NATS_URL: 'nats://127.0.0.1:9' }).finished
    expect(code).toBe(1)
    expect(stderr).toMatch(/^UNAVAILABLE: NATS at nats:\/\/127.0.0.1:9 .*HOLDPOINT_NATS_URL/m)
  })

  test('up - a policy with an unknown key stops the start, with line and column, and nothing is left running', async () => {
    await run('init')
    writeFileSync(
      join(cwd, 'policy.yaml'),
      'holdpoint: 1\nmode: enforce\nrules: []\ndefualts:\n  effect: hold\n',
    )
    const { code, stderr } = await typed('up')
    expect(code).toBe(1)
    expect(stderr).toMatch(/INVALID_POLICY:.*policy\.yaml:4:1: .*defualts/s)
  })

  test('up - a wrong configuration stops the start, with every problem at once', async () => {
    writeFileSync(join(cwd, 'holdpoint.yaml'), 'nats:\n  prot: 4222\npipeline:\n  port: high\n')
    const { code, stderr } = await typed('up')
    expect(code).toBe(1)
    expect(stderr).toMatch(/nats\.prot .*holdpoint\.yaml:2:3/)
    expect(stderr).toMatch(/pipeline\.port .*holdpoint\.yaml:4:3/)
  })

  test('agent add - before the first start it knows the development people, and its lines suit a shell', async () => {
    cwd = mkdtempSync(join(cwd, "it's a "))
    await run('init')
    const add = (owner: string) => run('agent', 'add', 'a1', '--owner', owner, '--environment', 'prod')
    const { code, stdout, stderr } = await add('alice')
    expect(code).toBe(0)
    expect(stderr).toContain('Nothing runs yet')
    const read = spawnSync('sh', ['-c', `${stdout}printf %s "$HOLDPOINT_CREDENTIALS"`])
    expect(read.stdout.toString()).toBe(join(cwd, '.holdpoint/agents/a1.creds'))
    expect(await add('nobody')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^INVALID_INPUT: --owner "nobody".*alice, bob, carol/),
    })
  })

  test.each([
    [['--origin', 'ex ample'], /^INVALID_INPUT: --origin "ex ample"/],
    [['--origin', 'a+b'], /^INVALID_INPUT: --origin/],
    [['--reviewers', 'sre'], /^INVALID_POLICY: .*"sre", expected oidc:/],
  ])('init - %j is refused before anything is written', async (args, message) => {
    const { code, stderr } = await run('init', ...args)
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
    expect(readdirSync(cwd)).toEqual([])
  })

  test('init - a folder keeps the origin that it was made with, and every key', async () => {
    const organisationSeed = () => readFileSync(join(cwd, '.holdpoint/keys/organisation.seed'), 'utf8')
    const first = await typed('init', '--json', '--origin', 'example.com/one')
    const seed = organisationSeed()
    expect(await run('init', '--origin', 'example.com/two')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^INVALID_INPUT: --origin "example\.com\/two".*example\.com\/one/),
    })
    expect(await run('init', '--json')).toMatchObject({ code: 0, stdout: first.stdout })
    expect(organisationSeed()).toBe(seed)
  })
})
