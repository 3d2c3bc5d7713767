import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { configReference, readConfig } from '#runtime'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'holdpoint-config-'))
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const read = (yaml: string | undefined, env: NodeJS.ProcessEnv = {}) => {
  if (yaml !== undefined) writeFileSync(join(cwd, 'holdpoint.yaml'), yaml)
  return readConfig({ cwd, env })
}

const problemsOf = (yaml: string | undefined, env: NodeJS.ProcessEnv = {}): string[] => {
  try {
    read(yaml, env)
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_CONFIG' })
    return (error as Error).message
      .split('\n')
      .slice(1)
      .map((line) => line.trim().replace(`${cwd}/`, ''))
  }
  return []
}

test('config - without a file or a variable everything has its preset', () => {
  const config = read(undefined)
  expect(config.pipeline).toEqual({
    host: '127.0.0.1',
    port: 4318,
    grpcPort: 4317,
    tls: {},
    maxBodyBytes: 67_108_864,
    mode: 'buffered',
    bufferBytes: 2 ** 30,
    lanes: 1,
    forward: {},
  })
  expect(config.dataDir).toBe(join(cwd, '.holdpoint'))
  expect(config.nats.url).toBeUndefined()
})

test('config - a variable beats the file, and an empty one is not set', () => {
  const yaml = 'pipeline:\n  port: 5000\n  host: 0.0.0.0\n'
  const config = read(yaml, { HOLDPOINT_PIPELINE_PORT: '6000', HOLDPOINT_PIPELINE_HOST: '' })
  expect(config.pipeline).toMatchObject({ port: 6000, host: '0.0.0.0' })
})

test('config - lists come from the file or, as YAML or JSON, from one variable', () => {
  const yaml = 'identity:\n  issuers:\n    - { issuer: "https://idp.example.com", audience: holdpoint }\n'
  const expected = [{ issuer: 'https://idp.example.com', audience: 'holdpoint' }]
  expect(read(yaml).identity.issuers).toEqual(expected)
  expect(read('', { HOLDPOINT_IDENTITY_ISSUERS: JSON.stringify(expected) }).identity.issuers).toEqual(
    expected,
  )
})

test('config - a cluster is several URLs with commas between', () => {
  const url = 'nats://a:4222, tls://b:4222'
  expect(read('', { HOLDPOINT_NATS_URL: url }).nats.url).toBe(url)
})

test('config - paths in the file are relative to the file, wherever the process runs', () => {
  const file = join(cwd, 'elsewhere.yaml')
  writeFileSync(file, 'dataDir: state\n')
  expect(readConfig({ cwd: '/', env: { HOLDPOINT_CONFIG: file } }).dataDir).toBe(join(cwd, 'state'))
})

test('config - what was read cannot be changed, at any depth', () => {
  const config = read('identity: { issuers: [{ issuer: "https://a.example", audience: h }] }') as never
  expect(() => Object.assign((config as { pipeline: object }).pipeline, { port: 1 })).toThrow(TypeError)
  expect(() =>
    Object.assign((config as { identity: { issuers: object[] } }).identity.issuers[0] as object, {
      audience: 'x',
    }),
  ).toThrow(TypeError)
})

test('config - all problems are reported together, each with key, place, value and what was expected', () => {
  const yaml = [
    'pipeline:',
    '  prot: 4318',
    '  maxBodyBytes: lots',
    'log:',
    '  level: loud',
    'identity:',
    '  issuers:',
    '    - issuer: ftp://idp.example.com',
    '      audience: holdpoint',
    '',
  ].join('\n')
  const problems = problemsOf(yaml, { HOLDPOINT_CLICKHOUSE_PORT: '99999', HOLDPOINT_PIPELINE_HSOT: 'x' })
  expect(problems).toEqual([
    'pipeline.prot (holdpoint.yaml:2:3) is no key; did you mean port? (known here: host, port, grpcPort, tls, tokens, mode, bufferBytes, lanes, forward, maxBodyBytes)',
    'the variable HOLDPOINT_PIPELINE_HSOT is unknown; did you mean HOLDPOINT_PIPELINE_HOST?',
    'log.level (holdpoint.yaml:5:3) is "loud", expected "debug" or "info" or "warn" or "error" or "silent"',
    'identity.issuers.0.issuer (holdpoint.yaml:8:7) is "ftp://idp.example.com", expected a URL that starts with https:// or http://',
    'clickhouse.port (HOLDPOINT_CLICKHOUSE_PORT) is 99999, expected a whole number from 0 to 65535',
    'pipeline.maxBodyBytes (holdpoint.yaml:3:3) is "lots", expected a whole number from 1024 to 1073741824',
  ])
})

test.for([
  ['not YAML', 'pipeline: [', 'holdpoint.yaml:1'],
  ['a key twice', 'pin: a\npin: b\n', 'holdpoint.yaml:2:1'],
  ['a list instead of keys', '- pin\n', 'must hold a mapping'],
  [
    'a value where keys belong',
    'pipeline: 4318\n',
    'pipeline (holdpoint.yaml:1:1) must be a mapping of keys',
  ],
  ['an unknown key', 'colour: blue\n', 'colour (holdpoint.yaml:1:1) is no key'],
  [
    'a key named like a property of every object',
    'constructor: 1\n',
    'constructor (holdpoint.yaml:1:1) is no key',
  ],
  ['null for a number', 'pipeline: { port: null }\n', 'pipeline.port (holdpoint.yaml:1:13) is null'],
  ['a number as text', 'pipeline: { port: "4318" }\n', 'is "4318", expected a whole number'],
  [
    'an unknown member of an issuer',
    'identity: { issuers: [{ issuer: "https://a.b", audience: a, jwksURI: x }] }\n',
    'jwksURI',
  ],
] as const)('config - %s stops the start', ([, yaml, message]) => {
  expect(problemsOf(yaml).join('\n')).toContain(message)
})

test.for([
  ['HOLDPOINT_PIPELINE_PORT', 'many', 'pipeline.port (HOLDPOINT_PIPELINE_PORT) is "many"'],
  ['HOLDPOINT_PIPELINE_PORT', '-1', 'is -1, expected a whole number from 0 to 65535'],
  ['HOLDPOINT_NATS_URL', 'localhost:4222', 'nats.url (HOLDPOINT_NATS_URL) is "localhost:4222"'],
  ['HOLDPOINT_NATS_URL', 'nats://a:4222,b:4222', 'with commas between'],
  ['HOLDPOINT_CLICKHOUSE_DATABASE', 'a; DROP', 'clickhouse.database'],
  ['HOLDPOINT_IDENTITY_ISSUERS', '{}', 'is a mapping, expected a list'],
  ['HOLDPOINT_CONFIG', 'absent.yaml', 'cannot be read'],
] as const)('config - %s=%s stops the start', ([name, value, message]) => {
  expect(problemsOf(undefined, { [name]: value }).join('\n')).toContain(message)
})

test('config - variables of agents and of Kubernetes services are nobody’s slip', () => {
  const service = { HOLDPOINT_SERVICE_HOST: '10.0.0.1', HOLDPOINT_SERVICE_PORT: '7070' }
  const env = { HOLDPOINT_VECTORS: '/v', HOLDPOINT_AGENT_NAME: 'bot', ...service }
  expect(problemsOf(undefined, env)).toEqual([])
})

test('config - a secret comes from a file named by the variable or by the key', () => {
  writeFileSync(join(cwd, 'password'), 'hunter2\n')
  expect(read('', { HOLDPOINT_CLICKHOUSE_PASSWORD_FILE: 'password' }).clickhouse.password).toBe('hunter2')
  expect(read('clickhouse: { passwordFile: password }').clickhouse.password).toBe('hunter2')
})

test('config - a secret is refused twice, unreadable or empty, and never shown', () => {
  writeFileSync(join(cwd, 'empty'), '')
  const both = { HOLDPOINT_CLICKHOUSE_PASSWORD: 'hunter2', HOLDPOINT_CLICKHOUSE_PASSWORD_FILE: 'empty' }
  expect(problemsOf('', both).join('\n')).toContain('both set')
  expect(problemsOf('', { HOLDPOINT_CLICKHOUSE_PASSWORD_FILE: 'absent' }).join('\n')).toContain('ENOENT')
  expect(problemsOf('clickhouse: { passwordFile: empty }').join('\n')).toContain('clickhouse.password')
  expect(problemsOf('clickhouse: { passwordFile: [] }').join('\n')).toContain('must be the path of a file')
  expect(problemsOf(`clickhouse: { password: ${'hunter2'.repeat(200)} }`).join('\n')).not.toContain('hunter2')
})

test('config - the reference is a configuration, and says what the presets are', () => {
  const presets = read(undefined)
  expect(read(configReference())).toEqual(presets)
  expect(read(configReference()).pipeline.port).toBe(4318)
  expect(configReference()).toContain('HOLDPOINT_PIPELINE_MAX_BODY_BYTES')
})
