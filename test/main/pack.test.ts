import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { FILES, readPin } from '#broker'
import { findNatsServer } from '#runtime'
import { agentEnvironment } from '../support/agent-process.ts'
import { compileCache } from '../support/compile-cache.ts'
import { POLICY } from '../support/gate-scene.ts'
import { type House, startHouse } from '../support/house.ts'
import { readSnapshot } from '../support/instrumentation/compatibility.ts'
import { startNats } from '../support/nats.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'
import { startSpanCollector } from '../support/span-collector.ts'
import { below, install, pack, readJson, startPacked } from './packed.ts'
import { testPackedGuards } from './packed-guards.ts'

const root = resolve(import.meta.dirname, '../..')
const manifest = readJson(join(root, 'package.json'))

/** The last API 1.9, and what starts an SDK 2.x. */
const OLDER_OPENTELEMETRY = ['@opentelemetry/api@1.9', '@opentelemetry/sdk-node@0.223']
const START_LINE = /^holdpoint: under the gate: .*openai-agents \(@openai\/agents-core \d\S+\).*\n$/

let dir: string
let house: House
const place = (name: string) => join(dir, name)
const installed = (name: string) => join(dir, name, 'node_modules')

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-pack-test-'))
  house = await startHouse()
  const packed = pack(dir, '--out', place('dist'))
  if (packed.status !== 0) throw new Error(packed.stderr)
  const [instrumentation = '', holdpoint = ''] = packed.stdout.trim().split('\n')
  const withRange = (name: string) =>
    `${name}@${manifest.devDependencies[name] ?? manifest.dependencies[name]}`
  await Promise.all([
    install(place('alone'), '--omit=peer', instrumentation),
    // The older OpenTelemetry, which many have; the clone itself has the newest.
    install(
      place('agent'),
      instrumentation,
      ...['@openai/agents', 'zod'].map(withRange),
      ...OLDER_OPENTELEMETRY,
    ),
    install(place('server'), holdpoint),
  ])
}, 120_000)
afterAll(async () => {
  await house?.stop()
  rmSync(dir, { recursive: true, force: true })
})

test('pack - the agent’s package holds five rooms, without the doors of others, and JavaScript alone', () => {
  const files = filesOf('alone', '@holdpoint/instrumentation')
  expect(roomsOf(files)).toEqual(['instrumentation', 'src/contract', 'src/gate', 'src/policy', 'src/warrant'])
  expect(files.filter((file) => /^src\/(policy\/command|warrant\/issue)\./.test(file))).toEqual([])
  expect(files.filter((file) => !/\.(js|d\.ts)$/.test(file))).toEqual([
    'LICENSE',
    'README.md',
    'package.json',
  ])
})

test('pack - the program’s package has what it reads at run time, and nothing of the clone’s own', () => {
  const files = filesOf('server', 'holdpoint')
  expect(files).toContain('src/store/sql/001-traces.sql')
  expect(files).toContain('src/store/engine/child.js')
  expect(files).toContain('src/console/assets/console.js')
  expect(files.filter((file) => /\.ts$|^test|demo|setup|launch|src\/main\/pack/.test(file))).toEqual([])
})

test.for([
  ['alone', '@holdpoint/instrumentation'],
  ['server', 'holdpoint'],
] as const)('pack - %s: the manifest says what is needed, in the versions of the clone', ([at, name]) => {
  const published = readJson(join(installed(at), name, 'package.json'))
  expect(published).toMatchObject({ name, version: manifest.version, license: 'Apache-2.0', type: 'module' })
  for (const absent of ['private', 'scripts', 'devDependencies', 'optionalDependencies'])
    expect(published).not.toHaveProperty(absent)
  for (const [dependency, range] of Object.entries(published.dependencies))
    expect(`${dependency} ${range}`).toBe(`${dependency} ${manifest.dependencies[dependency]}`)
  const doors = [published.imports, ...Object.values(published.exports)].flatMap((one) =>
    Object.values(one as object),
  )
  for (const door of doors)
    expect({ door, isThere: existsSync(join(installed(at), name, door)) }).toEqual({ door, isThere: true })
})

test('pack - an agent service gets at most 18 packages with it, and 16 MB', () => {
  const lock = readJson(join(installed('alone'), '.package-lock.json'))
  const others = Object.keys(lock.packages).filter(
    (path) => path !== 'node_modules/@holdpoint/instrumentation',
  )
  expect(others).toContain('node_modules/@nats-io/transport-node')
  expect(others.length).toBeLessThanOrEqual(18)
  const bytes = below(installed('alone')).reduce((sum, file) => sum + statSync(file).size, 0)
  expect(bytes).toBeLessThanOrEqual(16_000_000)
  for (const server of ['@nats-io/jetstream', '@nats-io/jwt', 'pino', 'hono', 'jose', '@clickhouse/client'])
    expect(others).not.toContain(`node_modules/${server}`)
})

test('pack - a strict compiler accepts the types, and knows no path behind its doors', () => {
  const use = `
    import { hold, type Held } from '@holdpoint/instrumentation'
    import '@holdpoint/instrumentation/register'
    export * from '@holdpoint/instrumentation/child-process'
    export const held: Held<number> = await hold({ kind: 'db', name: 'drop', arguments: { table: 'a' } }, () => 1)
    // @ts-expect-error: what ran gives a number
    export const wrong: Held<string> = held
    // @ts-expect-error: the gate's files are its own affair
    import '@holdpoint/instrumentation/src/gate/gate.js'
  `
  writeFileSync(join(place('agent'), 'use.ts'), use)
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node']
  const roots = ['--typeRoots', join(root, 'node_modules', '@types')]
  const args = [join(root, 'node_modules/typescript/bin/tsc'), ...options, ...roots, 'use.ts']
  const { status, stdout } = spawnSync(process.execPath, args, { cwd: place('agent'), encoding: 'utf8' })
  expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
})

const APP = `
  import { Agent, run, setTracingDisabled, tool } from '@openai/agents'
  import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing'
  import { z } from 'zod'
  setTracingDisabled(true)
  const toolNamed = (name) =>
    tool({ name, description: name, parameters: z.object({ segment: z.string() }),
      execute: ({ segment }) => { console.log(name + ' of ' + segment); return 'done' } })
  const model = new ScriptedModel([
    [functionCall('export_customers', { segment: 'enterprise' }, { callId: 'call_1' })],
    [functionCall('drop_database', { segment: 'all' }, { callId: 'call_2' })],
    [assistantMessage('finished')],
  ])
  const agent = new Agent({ name: 'support', model, tools: ['export_customers', 'drop_database'].map(toolNamed) })
  console.log((await run(agent, 'go')).finalOutput)
`

test('pack - an installed agent is held, released by a second person, and then runs', async () => {
  const collector = await startSpanCollector()
  const app = await startApp('held-agent', collector.env)
  const bob = house.token('bob')
  const request = await vi.waitFor(
    async () => {
      const {
        requests: [listed],
      } = await house.desk.list(bob)
      expect(listed).toMatchObject({ agent: 'held-agent', name: 'export_customers', state: 'pending' })
      return listed?.requestId ?? ''
    },
    { timeout: 15_000 },
  )
  expect(app.stdout()).toBe('')
  const { card, renderHash } = await house.desk.show(bob, request)
  expect(card.action.arguments).toEqual({ segment: 'enterprise' })
  await house.desk.review({ requestId: request, verdict: 'approve', renderHash, channel: 'cli', token: bob })

  expect(await app.ended).toEqual({
    code: 0,
    stdout: 'export_customers of enterprise\nfinished\n',
    stderr: expect.stringMatching(START_LINE),
  })
  const { summary } = await house.desk.show(bob, request)
  expect(summary.state).toBe('executed')
  expect(collector.received()).toContain('await_approval export_customers')
  collector.stop()
})

test('pack - every framework of the clone is held by the installed package, in all of its copies', async () => {
  const nats = await startNats()
  const broker = createScriptedBroker({ policy: POLICY })
  broker.onRequest = ({ attempt }) =>
    (attempt.action.arguments as { limit?: number }).limit === 1 ? 'approved' : 'denied'
  await broker.start(nats.url)
  const agent = agentEnvironment(broker, nats.url)
  try {
    const app = startPacked(place('agent'), [join(root, 'test/support/instrumentation/packed.ts')], {
      ...agent.env,
      OPENAI_AGENTS_DISABLE_TRACING: '1',
      HOLDPOINT_LOG: 'off',
    })
    const { code, stdout, stderr } = await app.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const cells = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    for (const { told, ...cell } of cells) {
      expect(cell).toEqual({ framework: cell.framework, copy: cell.copy, ran: [1] })
      expect(told).toEqual(['exported', expect.stringContaining('APPROVAL_DENIED')])
    }
    const tested = new Set(readSnapshot().map(({ framework, copy }) => `${framework} ${copy}`))
    expect(new Set(cells.map(({ framework, copy }) => `${framework} ${copy}`))).toEqual(tested)
  } finally {
    await broker.stop()
    await nats.stop()
    agent.remove()
  }
})

testPackedGuards(() => ({ house, folder: place('agent') }))

test('pack - an installed agent without its pin does not start, and says so', async () => {
  const { ended } = await startApp('pinless-agent', { HOLDPOINT_PIN: '' })
  const { code, stdout, stderr } = await ended
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain('HOLDPOINT_PIN is missing')
})

test('pack - the installed program says what it can do', () => {
  const help = holdpoint(['--help'])
  expect(help).toMatchObject({ status: 0, stderr: '' })
  expect(help.stdout).toContain('policy check')
  expect(holdpoint(['--version'])).toMatchObject({ status: 0, stdout: `${manifest.version}\n` })
})

test('pack - the installed program checks a policy, and refuses a wrong one', () => {
  const rules = 'defaults: { effect: deny }\nrules: []\n'
  writeFileSync(join(place('server'), 'good.yaml'), `holdpoint: 1\n${rules}`)
  writeFileSync(join(place('server'), 'wrong.yaml'), `holdpoint: 1\nmood: cheerful\n${rules}`)
  const good = holdpoint(['policy', 'check', 'good.yaml'])
  expect(good).toMatchObject({ status: 0, stdout: expect.stringContaining('good.yaml: usable') })
  const wrong = holdpoint(['policy', 'check', 'wrong.yaml'])
  expect(wrong).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringContaining('wrong.yaml:2:1: mood'),
  })
})

test('pack - the installed program starts its engine’s process, which says that chdb is missing', () => {
  const { status, stderr } = holdpoint(['up'], { HOLDPOINT_NATS_SERVER: findNatsServer() })
  expect(status).toBe(1)
  expect(stderr).toContain('npm install chdb')
})

test('pack - on a Node that is too old the installed program says which it needs', () => {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '20.19.0' })`
  const { status, stdout, stderr } = holdpoint(['--version'], {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(pretend)}`,
  })
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: '',
    stderr: 'holdpoint: needs Node >=22.15.0; this is 20.19.0\n',
  })
})

test('pack - a folder that it did not make is left alone', () => {
  const precious = place('home/instrumentation')
  mkdirSync(precious, { recursive: true })
  writeFileSync(join(precious, 'index.ts'), 'precious')
  const { status, stderr } = pack(dir, '--out', place('home'))
  expect(status).toBe(1)
  expect(stderr).toContain(precious)
  expect(readdirSync(precious)).toEqual(['index.ts'])
})

/** As npx starts it: the file that the manifest names. */
function holdpoint(args: string[], extra: Record<string, string> = {}) {
  const home = join(installed('server'), 'holdpoint')
  const program = join(home, readJson(join(home, 'package.json')).bin.holdpoint)
  return spawnSync(process.execPath, [program, ...args], {
    cwd: place('server'),
    encoding: 'utf8',
    env: { PATH: process.env.PATH, ...compileCache(), ...extra },
  })
}

async function startApp(agentId: string, extra: Record<string, string> = {}) {
  await house.agent(agentId)
  writeFileSync(join(place('agent'), 'app.mjs'), APP)
  return startPacked(place('agent'), ['app.mjs'], {
    HOLDPOINT_NATS_URL: house.natsUrl,
    HOLDPOINT_AGENT: agentId,
    HOLDPOINT_CREDENTIALS: house.home.path(FILES.agentCredentials(agentId)),
    HOLDPOINT_PIN: readPin(house.home),
    ...extra,
  })
}

const filesOf = (at: string, name: string): string[] =>
  below(join(installed(at), name))
    .map((file) => relative(join(installed(at), name), file).replaceAll('\\', '/'))
    .sort()

const roomsOf = (files: string[]): string[] =>
  [...new Set(files.map((file) => /^(instrumentation|src\/[^/]+)\//.exec(file)?.[1]))].filter(
    (room) => room !== undefined,
  )
