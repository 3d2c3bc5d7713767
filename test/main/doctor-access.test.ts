import { renameSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { jetstreamManager } from '@nats-io/jetstream'
import { createAccount, encodeAccount, fromSeed, type KeyPair } from '@nats-io/jwt'
import { expect, test } from 'vitest'
import { FILES } from '#broker'
import { createNatsServer } from '#runtime'
import { checkAccount } from '../../src/main/doctor/account.ts'
import { examine } from '../../src/main/doctor/checks.ts'
import { checkIdentity } from '../../src/main/doctor/identity.ts'
import { checkPermissions } from '../../src/main/doctor/permissions.ts'
import { checkStore } from '../../src/main/doctor/store.ts'
import { createFakeLog } from '../support/log.ts'
import { createSurgery, fault } from './surgery.ts'

const { complaints, house, sceneOf, variables } = createSurgery()

// Permissions

test('doctor - credentials of another role under a name are caught by what they can do', async () => {
  const file = FILES.credentials('pipeline')
  const before = house().home.read(file)
  const { streams } = await jetstreamManager(await house().connect('admin'))
  const entries = async () => (await streams.info('HP_LEDGER_1')).state.last_seq
  const entriesBefore = await entries()
  house().home.write(file, house().home.read(FILES.credentials('broker')))
  try {
    const found = await complaints(checkPermissions, 'permissions pipeline')
    expect(found.map(({ what }) => what)).toEqual(
      expect.arrayContaining([expect.stringMatching(/may publish on hp\.v1\.ledger\.1\./)]),
    )
    expect(found.every(({ level }) => level === 'fault')).toBe(true)
    // What got through has changed nothing.
    expect(await entries()).toBe(entriesBefore)
  } finally {
    house().home.write(file, before)
  }
})

test('doctor - credentials that the server does not know are told of', async () => {
  const file = house().home.path(FILES.agentCredentials('stranger'))
  writeFileSync(
    file,
    house()
      .home.read(FILES.agentCredentials('support-agent'))
      .replace(/(BEGIN NATS USER JWT-----\s+\S{100})./, '$1x'),
    { mode: 0o600 },
  )
  const [found] = await complaints(checkPermissions, 'permissions agent stranger')
  expect(found).toMatchObject(fault(/^cannot connect/))
  renameSync(file, house().home.path('stranger'))
})

// Store and identity provider

test('doctor - a desk whose database user may write is a fault, and one that cannot be reached', async () => {
  const pipeline = house().home.path(FILES.credentials('pipeline'))
  renameSync(pipeline, `${pipeline}.away`)
  try {
    const writer = sceneOf(variables('writer'))
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

test('doctor - an account whose border is crossed, with a key bound to no role, is told of', async () => {
  const { dir } = house().home
  const keys = JSON.parse(house().home.read(FILES.natsKeys)) as Record<'operator' | 'account', string>
  const [operator, account] = [keys.operator, keys.account].map((seed) =>
    fromSeed(new TextEncoder().encode(seed)),
  )
  const genuine = house().home.read(FILES.natsOperator)
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
    await server.stop()
  }
})

test('doctor - what somebody has written into an address to sign in with is not printed', async () => {
  const credentials = house().home.path(FILES.credentials('doctor'))
  renameSync(credentials, `${credentials}.away`)
  try {
    const scene = sceneOf({
      HOLDPOINT_CLICKHOUSE_URL: variables().HOLDPOINT_CLICKHOUSE_URL.replace('://', '://desk:hunter2@'),
      HOLDPOINT_NATS_MONITOR: '["http://desk:hunter2@127.0.0.1:9"]',
      HOLDPOINT_IDENTITY_ISSUERS: '[{issuer: "http://desk:hunter2@127.0.0.1:9", audience: holdpoint}]',
    })
    const findings = await examine(scene)
    expect(findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining(['store', 'identity', 'nats sync']),
    )
    expect(JSON.stringify(findings)).not.toContain('hunter2')
  } finally {
    renameSync(`${credentials}.away`, credentials)
  }
})
