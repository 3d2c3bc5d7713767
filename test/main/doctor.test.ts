import { chmodSync, renameSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { jetstreamManager, type StreamConfig } from '@nats-io/jetstream'
import { expect, test } from 'vitest'
import { FILES } from '#broker'
import { examine } from '../../src/main/doctor/checks.ts'
import { checkDocuments } from '../../src/main/doctor/documents.ts'
import { checkIdentity } from '../../src/main/doctor/identity.ts'
import { checkKeys } from '../../src/main/doctor/keys.ts'
import { checkLedger } from '../../src/main/doctor/ledger.ts'
import { checkNats } from '../../src/main/doctor/nats.ts'
import { checkStreams } from '../../src/main/doctor/streams.ts'
import { eventually } from '../support/held.ts'
import { startOlderServer } from '../support/older-server.ts'
import { createSurgery, fault, warning } from './surgery.ts'

const DAY_MS = 86_400_000
const { complaints, house, sceneOf } = createSurgery()

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
  const file = house().home.path(FILES.brokerKey)
  chmodSync(file, 0o644)
  expect(await complaints(checkKeys, 'key files')).toMatchObject([
    fault(/broker\.seed has mode 644, expected 600/),
  ])
  chmodSync(file, 0o600)
  expect(await complaints(checkKeys, 'key files')).toEqual([])
})

test('doctor - the organisation key on this machine is a warning, and away it is well', async () => {
  const file = house().home.path(FILES.organisation)
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
  const before = house().home.read(file)
  house().home.write(file, content)
  try {
    expect(await complaints(checkKeys, check)).toMatchObject([fault(what)])
  } finally {
    house().home.write(file, before)
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
  house().home.write(FILES.registration('forged'), house().home.read(FILES.policy))
  expect(await complaints(checkDocuments, 'registrations')).toMatchObject([fault(/^forged\.jws: /)])
  renameSync(house().home.path(FILES.registration('forged')), house().home.path('forged'))
})

// The servers

test.each([
  ['2.9.10', /2\.9\.10 has known faults, expected 2\.12\.15.*CVE-2026-33222/],
  ['2.13.1', /2\.13\.1 has known faults/],
])('doctor - nats-server %s is a fault, unless somebody answers for it', async (version, what) => {
  const older = await startOlderServer(house().natsUrl, version)
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
  const credentials = house().home.path(FILES.credentials('doctor'))
  renameSync(credentials, `${credentials}.away`)
  try {
    const { port } = server.address() as AddressInfo
    const env = { HOLDPOINT_NATS_MONITOR: `["http://127.0.0.1:${port}"]` }
    expect(await complaints(checkNats, 'nats sync', sceneOf(env))).toMatchObject([
      fault(/server weak: sync_interval is 120 s, expected always/),
    ])
    expect(await complaints(checkNats, 'nats storage', sceneOf(env))).toMatchObject([
      warning(/900 bytes of 1\.0 kB/),
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
  const found = await complaints(checkStreams, 'streams', scene)
  expect(found.filter(({ what }) => what.includes('num_replicas is 1, expected 3'))).toHaveLength(11)
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
  ['HP_TELEMETRY', { discard: 'old' }, { discard: 'new' }, /HP_TELEMETRY: discard is "old", expected "new"/],
  ['HP_TELEMETRY', { max_age: DAY_MS * 1e6 }, { max_age: 0 }, /HP_TELEMETRY: max_age is 86400000000000/],
  ['HP_TELEMETRY', { max_bytes: 2 ** 20 }, { max_bytes: 2 ** 30 }, /HP_TELEMETRY: max_bytes is 1048576/],
  ['HP_TELEMETRY_CURSOR', { max_msgs: 1 }, { max_msgs: -1 }, /HP_TELEMETRY_CURSOR: max_msgs is 1/],
  ['HP_TELEMETRY_DEAD', { discard: 'old' }, { discard: 'new' }, /HP_TELEMETRY_DEAD: discard is "old"/],
])('doctor - %s with %j is a fault that is named', async (stream, change, back, what) => {
  const { streams } = await jetstreamManager(await house().connect('admin'))
  await streams.update(stream, change as Partial<StreamConfig>)
  try {
    expect(await complaints(checkStreams, 'streams')).toMatchObject([fault(what)])
  } finally {
    await streams.update(stream, back as Partial<StreamConfig>)
  }
  expect(await complaints(checkStreams, 'streams')).toEqual([])
})

test('doctor - a stream that is missing is named', async () => {
  const { streams } = await jetstreamManager(await house().connect('admin'))
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
  const nc = await house().connect('broker')
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
