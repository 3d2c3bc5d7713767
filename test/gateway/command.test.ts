import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { gatewayCommands, startServer } from '#gateway'
import { runProgram } from '#runtime'
import { serverNameOf } from '../../src/gateway/mcp/configuration.ts'
import { agentEnvironment } from '../support/agent-process.ts'
import { createFakeIo } from '../support/io.ts'
import { createScriptedBroker } from '../support/scripted-broker.ts'
import { POLICY } from './scene.ts'

let dir: string
let env: Record<string, string>
let remove: () => void
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-gateway-'))
  const agent = agentEnvironment(createScriptedBroker({ policy: POLICY }), 'nats://127.0.0.1:1')
  env = { ...agent.env, HOLDPOINT_DATA_DIR: dir }
  remove = agent.remove
})
afterAll(() => {
  remove()
  rmSync(dir, { recursive: true, force: true })
})

async function mcp(words: string[], more: Record<string, string> = {}) {
  const io = createFakeIo({ env: { ...env, ...more }, cwd: dir, nowMs: Date.now() })
  const program = { name: 'holdpoint', version: '0', summary: '', commands: gatewayCommands }
  const code = await runProgram(program, ['mcp', ...words], io)
  return { code, out: io.out(), err: io.err() }
}

const node = (script: string) => ['--name', 'crm', '--', process.execPath, '-e', script]
const UNTIL_END = "process.stdin.resume().on('end', () => process.exit(Number(process.argv[1])))"

test.each([
  ['an address is missing', { HOLDPOINT_NATS_URL: '' }, /HOLDPOINT_NATS_URL is missing, expected nats:/],
  ['a name is missing', { HOLDPOINT_AGENT: '' }, /HOLDPOINT_AGENT is missing/],
  ['a name is none', { HOLDPOINT_AGENT: 'a.b.>' }, /HOLDPOINT_AGENT is no name of an agent/],
  ['the pin is missing', { HOLDPOINT_PIN: '' }, /HOLDPOINT_PIN is missing/],
  ['the pin is none', { HOLDPOINT_PIN: 'ed25519:x' }, /HOLDPOINT_PIN is no pin/],
  ['the credentials are missing', { HOLDPOINT_CREDENTIALS: '' }, /HOLDPOINT_CREDENTIALS is missing/],
  ['the credentials are not there', { HOLDPOINT_CREDENTIALS: '/none' }, /\/none cannot be read \(ENOENT\)/],
  ['the credentials are none', { HOLDPOINT_CREDENTIALS: import.meta.filename }, /holds no NATS credentials/],
  [
    'the pins cannot be kept',
    { HOLDPOINT_DATA_DIR: '/dev/null/x' },
    /pin file .* cannot be written .*--pins/,
  ],
])('mcp - where %s it says so, and starts no server', async (_what, more, says) => {
  const { code, out, err } = await mcp(node("require('fs').writeFileSync('started', '')"), more)
  expect([code, out]).toEqual([1, ''])
  expect(err).toMatch(/^INVALID_CONFIG/)
  expect(err).toMatch(says)
})

test.each([
  [[], 2, /COMMAND is missing/],
  [['--', '/no/such/program'], 1, /UNAVAILABLE: \/no\/such\/program could not be started: ENOENT/],
  [['--name', '../x', '--', 'node'], 1, /--name "..\/x", expected letters/],
  [['--', 'node', '--eval'], 1, /give it a name with --name/],
  [['--max-message-bytes', '10', '--', '/bin/crm'], 1, /--max-message-bytes 10, expected/],
])('mcp - %j is refused', async (words, code, says) => {
  const refused = await mcp(words)
  expect(refused.code).toBe(code)
  expect(refused.err).toMatch(says)
})

test.each([0, 2, 7])('mcp - the end of its input is the server’s, and exit code %i its own', async (code) => {
  const ended = await mcp([...node(UNTIL_END), String(code)])
  expect(ended).toMatchObject({ code, out: '' })
  expect(ended.err).not.toContain('--help')
})

test('mcp - a server that was killed is told as shells tell it', async () => {
  expect((await mcp(node("process.kill(process.pid, 'SIGKILL')"))).code).toBe(137)
})

test('mcp - a server that stays when it is asked to end is ended', async () => {
  const stubborn = "process.stdin.resume(); setInterval(() => {}, 1000); process.stdout.write('{}\\n')"
  const server = startServer(process.execPath, ['-e', stubborn], {})
  await once(server.stdout, 'data')
  server.stop('now')
  expect(await server.ended).toEqual({ exitCode: 143, how: 'signal SIGTERM' })
})

test.each([
  [['npx', '-y', '@acme/crm-server@1.2', '--stdio'], '@acme/crm-server'],
  [['npx', 'crm-server@latest'], 'crm-server'],
  [['node', 'dist/crm.mjs'], 'crm'],
  [['python', '-m', 'crm_server'], 'crm_server'],
  [['node', '--require', 'a.js', 'crm.js'], undefined],
  [['uv', '--directory', '/srv/crm', 'run', 'x'], undefined],
  [['node', 'dist/index.js'], undefined],
  [['/usr/bin/python3', 'tools/crm.py'], 'crm'],
  [['uv', 'run', 'crm-server'], 'crm-server'],
  [['/opt/acme/crm-server', '--port', '1'], 'crm-server'],
  [['node'], undefined],
  [['.'], undefined],
])('mcp - the server of %j is called %s', (command, name) => {
  expect(serverNameOf(command)).toBe(name)
})
