import { chmodSync, renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { jetstreamManager, type StreamConfig } from '@nats-io/jetstream'
import { createAccount, encodeAccount, fromSeed, type KeyPair } from '@nats-io/jwt'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { FILES } from '#broker'
import { createNatsServer, readConfig, runProgram } from '#runtime'
import { createEngine, createStore, type Engine } from '#store'
import { checkAccount } from '../../src/main/doctor/account.ts'
import { examine } from '../../src/main/doctor/checks.ts'
import { checkDocuments } from '../../src/main/doctor/documents.ts'
import type { Finding } from '../../src/main/doctor/finding.ts'
import { checkIdentity } from '../../src/main/doctor/identity.ts'
import { checkKeys } from '../../src/main/doctor/keys.ts'
import { checkLedger } from '../../src/main/doctor/ledger.ts'
import { checkNats } from '../../src/main/doctor/nats.ts'
import { checkPermissions } from '../../src/main/doctor/permissions.ts'
import { openScene, type Scene } from '../../src/main/doctor/scene.ts'
import { checkStore } from '../../src/main/doctor/store.ts'
import { checkStreams } from '../../src/main/doctor/streams.ts'
import { doctorCommand } from '../../src/main/doctor.ts'
import { endOf } from '../support/broker-process.ts'
import { eventually, holdAction } from '../support/held.ts'
import { type House, startHouse, type TestAgent } from '../support/house.ts'
import { createFakeIo } from '../support/io.ts'
import { createFakeLog } from '../support/log.ts'
import { startOlderServer } from '../support/older-server.ts'
import { startProgram } from '../support/program.ts'

const DAY_MS = 86_400_000
let house: House
let agent: TestAgent
let engine: Engine
beforeAll(async () => {
  house = await startHouse()
  agent = await house.agent('support-agent')
  await holdAction(agent)
  engine = createEngine(
    { dataDir: house.home.path('clickhouse'), port: 0, database: 'holdpoint' },
    { log: createFakeLog() },
  )
  await engine.start()
  const writer = createStore(engine.writer)
  await writer.migrate()
  await writer.close()
})
afterAll(async () => {
  await engine.stop()
  await house.stop()
})

const variablesOf = ({ url, user, password, database }: Engine['reader']) => ({
  HOLDPOINT_CLICKHOUSE_URL: url,
  HOLDPOINT_CLICKHOUSE_USER: user,
  HOLDPOINT_CLICKHOUSE_PASSWORD: password,
  HOLDPOINT_CLICKHOUSE_DATABASE: database,
})

let scenes: Scene[] = []
function sceneOf(env: Record<string, string> = {}, { aheadMs = 0, deep = false } = {}): Scene {
  const { dir } = house.home
  const config = readConfig({
    cwd: dir,
    env: { HOLDPOINT_DATA_DIR: dir, ...variablesOf(engine.reader), ...env },
  })
  const scene = openScene(config, { cwd: dir, now: () => house.clock.now() + aheadMs }, { deep })
  scenes.push(scene)
  return scene
}
afterEach(async () => {
  for (const scene of scenes) await scene.close()
  scenes = []
})

type Check = (scene: Scene) => Promise<Finding[]>
/** The complaints about this one thing. */
async function complaints(check: Check, name: string, scene = sceneOf()): Promise<Finding[]> {
  const found = (await check(scene)).filter((finding) => finding.check === name)
  for (const { level, why, mend } of found)
    if (level === 'warning' || level === 'fault')
      expect([why, mend]).toEqual([expect.any(String), expect.any(String)])
  return found.filter(({ level }) => level !== 'ok')
}
const fault = (what: string | RegExp) => ({ level: 'fault', what: expect.stringMatching(what) })
const warning = (what: string | RegExp) => ({ level: 'warning', what: expect.stringMatching(what) })

test('doctor - a healthy house has no fault, and everything was looked at', async () => {
  await eventually(
    async () => (await complaints(checkLedger, 'ledger')).length,
    (count) => count === 0,
  )
  const findings = await examine(sceneOf())
  expect(findings.filter(({ level }) => level === 'fault')).toEqual([])
  const looked = new Set(findings.map(({ check }) => check))
  for (const check of [
    'key files',
    'nats sync',
    'streams',
    'account',
    'permissions broker',
    'permissions agent support-agent',
    'ledger',
    'identity keys',
    'store rights',
    'policy',
  ])
    expect(looked).toContain(check)
})

// What lies in the data folder

test('doctor - a key that others can read is named with its mode', async () => {
  const file = house.home.path(FILES.brokerKey)
  chmodSync(file, 0o644)
  expect(await complaints(checkKeys, 'key files')).toMatchObject([
    fault(/broker\.seed has mode 644, expected 600/),
  ])
  chmodSync(file, 0o600)
  expect(await complaints(checkKeys, 'key files')).toEqual([])
})

test('doctor - the organisation key on this machine is a warning, and away it is well', async () => {
  const file = house.home.path(FILES.organisation)
  expect(await complaints(checkKeys, 'organisation key')).toMatchObject([
    warning(/organisation\.seed lies here/),
  ])
  renameSync(file, `${file}.safe`)
  expect(await complaints(checkKeys, 'organisation key')).toEqual([])
  renameSync(`${file}.safe`, file)
})

test.each([
  ['keys', FILES.ledgerKey, 'A'.repeat(43), /not a ledger key of the key set/],
  ['keys', FILES.brokerKey, 'short', /broker\.seed cannot be used/],
  ['pin', FILES.organisation, `${'B'.repeat(42)}A`, /is not the key that is pinned/],
  ['broker secret', FILES.brokerSecret, 'c2hvcnQ', /has 5 bytes, expected 32/],
])('doctor - %s: another content of %s is found', async (check, file, content, what) => {
  const before = house.home.read(file)
  house.home.write(file, content)
  try {
    expect(await complaints(checkKeys, check)).toMatchObject([fault(what)])
  } finally {
    house.home.write(file, before)
  }
})

test('doctor - a pin in the configuration that is not the data folder’s is found', async () => {
  const scene = sceneOf({ HOLDPOINT_PIN: `ed25519:${'A'.repeat(43)}` })
  expect(await complaints(checkKeys, 'pin', scene)).toMatchObject([fault(/the configuration has ed25519:A+/)])
})

test.each([
  ['policy', 75, warning(/version 1 expires in 1\d days/)],
  ['policy', 91, fault(/expired/)],
  ['key set', 350, warning(/version 1 expires in 1\d days/)],
  ['key set', 366, fault(/expired/)],
])('doctor - %s after %d days', async (check, days, expected) => {
  const scene = sceneOf({}, { aheadMs: days * DAY_MS })
  expect(await complaints(checkDocuments, check, scene)).toMatchObject([expected])
})

test('doctor - a registration that does not verify is named', async () => {
  house.home.write(FILES.registration('forged'), house.home.read(FILES.policy))
  expect(await complaints(checkDocuments, 'registrations')).toMatchObject([fault(/^forged\.jws: /)])
  renameSync(house.home.path(FILES.registration('forged')), house.home.path('forged'))
})

// The servers

test.each([
  ['2.9.10', /2\.9\.10 has known faults, expected 2\.12\.15.*CVE-2026-33222/],
  ['2.13.1', /2\.13\.1 has known faults/],
])('doctor - nats-server %s is a fault, unless somebody answers for it', async (version, what) => {
  const older = await startOlderServer(house.natsUrl, version)
  try {
    const env = { HOLDPOINT_NATS_URL: older.url }
    expect(await complaints(checkNats, 'nats version', sceneOf(env))).toMatchObject([fault(what)])
    const assumed = sceneOf({ ...env, HOLDPOINT_NATS_ASSUMED: '[version]' })
    expect(await complaints(checkNats, 'nats version', assumed)).toMatchObject([{ level: 'assumed' }])
  } finally {
    older.stop()
  }
})

test('doctor - a server that does not write before it acknowledges is found, with JetStream full or small', async () => {
  const weak = {
    server_name: 'weak',
    version: '2.15.1',
    max_payload: 1_048_576,
    jetstream: { config: { sync_interval: 120e9, max_storage: 1_000 }, stats: { storage: 900 } },
  }
  const server = createServer((_, response) =>
    response.end(JSON.stringify({ ...weak, now: new Date().toISOString() })),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const credentials = house.home.path(FILES.credentials('doctor'))
  renameSync(credentials, `${credentials}.away`)
  try {
    const { port } = server.address() as AddressInfo
    const env = { HOLDPOINT_NATS_MONITOR: `["http://127.0.0.1:${port}"]` }
    expect(await complaints(checkNats, 'nats sync', sceneOf(env))).toMatchObject([
      fault(/server weak: sync_interval is 120 s, expected always/),
    ])
    expect(await complaints(checkNats, 'nats storage', sceneOf(env))).toMatchObject([
      warning(/900 of 1000 bytes/),
      warning(/max_payload is 1048576/),
    ])
    expect(await complaints(checkNats, 'nats sync')).toMatchObject([fault(/cannot be read/)])
    const assumed = sceneOf({ HOLDPOINT_NATS_ASSUMED: '[sync_always]' })
    expect(await complaints(checkNats, 'nats sync', assumed)).toMatchObject([{ level: 'assumed' }])
    expect(await complaints(checkNats, 'nats storage', assumed)).toMatchObject([fault(/cannot be read/)])
  } finally {
    server.close()
    renameSync(`${credentials}.away`, credentials)
  }
})

test('doctor - more copies configured than there are servers is found', async () => {
  const scene = sceneOf({ HOLDPOINT_NATS_REPLICAS: '3' })
  expect(await complaints(checkNats, 'nats cluster', scene)).toMatchObject([
    fault(/^1 servers, and nats.replicas is 3/),
  ])
  expect(await complaints(checkStreams, 'streams', scene)).toHaveLength(7)
})

test.each([
  [5_000, 'warning'],
  [-5_000, 'warning'],
  [45_000, 'fault'],
  [-45_000, 'fault'],
])(
  'doctor - a clock that is %d ms off is a %s, at NATS and at the identity provider',
  async (aheadMs, level) => {
    const scene = sceneOf({}, { aheadMs })
    expect(await complaints(checkNats, 'nats clock', scene)).toMatchObject([{ level }])
    expect(await complaints(checkIdentity, 'identity clock', scene)).toMatchObject([{ level }])
  },
)

// Streams and the ledger

test.each([
  ['HP_LEDGER_1', { max_age: DAY_MS * 1e6 }, { max_age: 0 }, /max_age is 86400000000000, expected 0/],
  ['HP_PAYLOAD', { max_msgs: 100 }, { max_msgs: -1 }, /HP_PAYLOAD: max_msgs is 100, expected -1/],
  ['HP_TRUST', { max_bytes: 10_000 }, { max_bytes: -1 }, /HP_TRUST: max_bytes is 10000/],
  ['HP_TRUST', { discard: 'new' }, { discard: 'old' }, /HP_TRUST: discard is "new"/],
])('doctor - %s with %j is a fault that is named', async (stream, change, back, what) => {
  const { streams } = await jetstreamManager(await house.connect('admin'))
  await streams.update(stream, change as Partial<StreamConfig>)
  try {
    expect(await complaints(checkStreams, 'streams')).toMatchObject([fault(what)])
  } finally {
    await streams.update(stream, back as Partial<StreamConfig>)
  }
  expect(await complaints(checkStreams, 'streams')).toEqual([])
})

test('doctor - a stream that is missing is named', async () => {
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const { config } = await streams.info('HP_DEAD_LETTER')
  await streams.delete('HP_DEAD_LETTER')
  expect(await complaints(checkStreams, 'streams')).toMatchObject([
    fault(/^stream HP_DEAD_LETTER is not there/),
  ])
  await streams.add(config)
})

test('doctor - a checkpoint that no ledger key has signed is found', async () => {
  const forged = `test.invalid/holdpoint\n99\n${Buffer.alloc(32).toString('base64')}\n\n— test.invalid/holdpoint ${Buffer.alloc(68).toString('base64')}\n`
  const scene = sceneOf()
  const nc = await house.connect('broker')
  const { streams } = await jetstreamManager(nc, { checkAPI: false })
  const genuine = await streams.getMessage('HP_CHECKPOINT', { last_by_subj: 'hp.v1.checkpoint.1' })
  nc.publish('hp.v1.checkpoint.1', forged)
  await nc.flush()
  const found = await complaints(checkLedger, 'ledger', scene)
  nc.publish('hp.v1.checkpoint.1', genuine?.data)
  await nc.flush()
  expect(found).toMatchObject([fault(/its newest checkpoint: .*no ledger key/)])
  expect(await complaints(checkLedger, 'ledger', scene)).toEqual([])
})

// Permissions

test('doctor - credentials of another role under a name are caught by what they can do', async () => {
  const file = FILES.credentials('pipeline')
  const before = house.home.read(file)
  const { streams } = await jetstreamManager(await house.connect('admin'))
  const entries = async () => (await streams.info('HP_LEDGER_1')).state.last_seq
  const entriesBefore = await entries()
  house.home.write(file, house.home.read(FILES.credentials('broker')))
  try {
    const found = await complaints(checkPermissions, 'permissions pipeline')
    expect(found.map(({ what }) => what)).toEqual(
      expect.arrayContaining([expect.stringMatching(/may publish on hp\.v1\.ledger\.1\./)]),
    )
    expect(found.every(({ level }) => level === 'fault')).toBe(true)
    // What got through has changed nothing.
    expect(await entries()).toBe(entriesBefore)
  } finally {
    house.home.write(file, before)
  }
})

test('doctor - credentials that the server does not know are told of', async () => {
  const file = house.home.path(FILES.agentCredentials('stranger'))
  writeFileSync(
    file,
    house.home
      .read(FILES.agentCredentials('support-agent'))
      .replace(/(BEGIN NATS USER JWT-----\s+\S{100})./, '$1x'),
    { mode: 0o600 },
  )
  const [found] = await complaints(checkPermissions, 'permissions agent stranger')
  expect(found).toMatchObject(fault(/^cannot connect/))
  renameSync(file, house.home.path('stranger'))
})

// Store and identity provider

test('doctor - a desk whose database user may write is a fault, and one that cannot be reached', async () => {
  const pipeline = house.home.path(FILES.credentials('pipeline'))
  renameSync(pipeline, `${pipeline}.away`)
  try {
    const writer = sceneOf(variablesOf(engine.writer))
    expect(await complaints(checkStore, 'store rights', writer)).toMatchObject([
      fault(/may write holdpoint_findings/),
    ])
    expect(await complaints(checkStore, 'store rights')).toEqual([])
  } finally {
    renameSync(`${pipeline}.away`, pipeline)
  }
  const nowhere = sceneOf({ HOLDPOINT_CLICKHOUSE_URL: 'http://127.0.0.1:9' })
  expect(await complaints(checkStore, 'store', nowhere)).toMatchObject([fault(/cannot be reached/)])
})

test('doctor - a store without the tables of this version is told so', async () => {
  const other = sceneOf({ HOLDPOINT_CLICKHOUSE_DATABASE: 'empty' })
  expect((await checkStore(other)).filter(({ level }) => level === 'fault')).not.toEqual([])
})

test.each([
  [{ issuer: 'https://elsewhere.invalid' }, 'identity', /speaks for https:\/\/elsewhere\.invalid/],
  [{ keys: [{ kty: 'oct', alg: 'HS256' }] }, 'identity keys', /none of its 1 keys/],
  [{ error: 'invalid_client' }, 'identity client', /refuses the client desk: invalid_client/],
  [{ code_challenge_methods_supported: ['plain'] }, 'identity client', /supports the code challenges plain/],
  [{ status: 500 }, 'identity', /status 500, expected 200/],
])('doctor - an identity provider that answers %j', async (change: Record<string, unknown>, check, what) => {
  const provider = createServer((request, response) => {
    const { port } = provider.address() as AddressInfo
    const own = `http://127.0.0.1:${port}`
    const answers: Record<string, object> = {
      '/.well-known/openid-configuration': {
        issuer: own,
        jwks_uri: `${own}/jwks`,
        token_endpoint: `${own}/token`,
        device_authorization_endpoint: `${own}/device`,
        ...change,
      },
      '/jwks': { keys: change.keys ?? [{ kty: 'EC', alg: 'ES256', use: 'sig' }] },
      '/token': { error: change.error ?? 'invalid_grant' },
    }
    response.statusCode = Number(change.status ?? 200)
    response.end(JSON.stringify(answers[request.url ?? '']))
  })
  await new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = provider.address() as AddressInfo
    const issuers = [{ issuer: `http://127.0.0.1:${port}`, audience: 'holdpoint', clientId: 'desk' }]
    const scene = sceneOf({ HOLDPOINT_IDENTITY_ISSUERS: JSON.stringify(issuers) })
    expect(await complaints(checkIdentity, check, scene)).toMatchObject([fault(what)])
  } finally {
    provider.close()
  }
})

test('doctor - an identity provider over plain HTTP, elsewhere than on this machine, is refused unasked', async () => {
  const issuers = [{ issuer: 'http://idp.invalid', audience: 'holdpoint' }]
  const scene = sceneOf({ HOLDPOINT_IDENTITY_ISSUERS: JSON.stringify(issuers) })
  expect(await complaints(checkIdentity, 'identity', scene)).toMatchObject([fault(/plain HTTP/)])
})

// The command

const run = async (args: string[], env: Record<string, string> = {}) => {
  const { dir } = house.home
  const io = createFakeIo({
    cwd: dir,
    env: { HOLDPOINT_DATA_DIR: dir, ...variablesOf(engine.reader), ...env },
    nowMs: house.clock.now(),
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
  const older = await startOlderServer(house.natsUrl, '2.12.3')
  try {
    const env = { HOLDPOINT_DATA_DIR: house.home.dir, HOLDPOINT_NATS_URL: older.url }
    const start = (more: Record<string, string> = {}) =>
      startProgram('src/main/holdpoint.ts', ['broker'], { cwd: house.home.dir, env: { ...env, ...more } })
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

test('doctor - an account whose border is crossed, with a key bound to no role, is told of', async () => {
  const { dir } = house.home
  const keys = JSON.parse(house.home.read(FILES.natsKeys)) as Record<'operator' | 'account', string>
  const [operator, account] = [keys.operator, keys.account].map((seed) =>
    fromSeed(new TextEncoder().encode(seed)),
  )
  const genuine = house.home.read(FILES.natsOperator)
  const [, jwt = ''] = new RegExp(`${account?.getPublicKey()}: (\\S+)`).exec(genuine) ?? []
  const { nats: claims } = JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())
  const free = createAccount()
  const loose = await encodeAccount(
    'HOLDPOINT',
    account as KeyPair,
    {
      ...claims,
      signing_keys: [
        ...claims.signing_keys.filter(({ role }: { role: string }) => role !== 'channel'),
        free.getPublicKey(),
      ],
      exports: [{ name: 'all', subject: 'hp.v1.agent.>', type: 'stream' }],
    },
    { signer: operator as KeyPair },
  )
  const server = createNatsServer({
    configText: `jetstream { store_dir: ${JSON.stringify(`${dir}/loose`)} }\n${genuine.replace(jwt, loose)}`,
    dir: `${dir}/loose`,
    log: createFakeLog(),
  })
  await server.start()
  try {
    expect(
      await complaints(checkAccount, 'account', sceneOf({ HOLDPOINT_NATS_URL: server.url })),
    ).toMatchObject([
      fault(/^hp\.v1\.agent\.> crosses the border/),
      fault(/^the role channel is not known/),
      fault(new RegExp(`${free.getPublicKey()} is bound to no role`)),
    ])
  } finally {
    for (const scene of scenes) await scene.close()
    await server.stop()
  }
})
