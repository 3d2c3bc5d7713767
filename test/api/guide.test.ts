import { execFile, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ClaimReply, ERROR_CODES, type ErrorCode, HTTP_STATUS } from '#contract'
import { createHttpServer, type HttpServer } from '#runtime'
import { claimOf, holdAction } from '../support/held.ts'
import { attemptOf } from '../support/house.ts'
import { type Scene, startScene } from './scene.ts'

const root = resolve(import.meta.dirname, '../..')
const guide = readFileSync(join(root, 'docs/rest.md'), 'utf8')
const blocks = (language: string, text = guide): string[] =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(
    ([, code]) => code as string,
  )
const run = promisify(execFile)

let scene: Scene
let server: HttpServer
let dir: string
beforeAll(async () => {
  scene = await startScene()
  server = createHttpServer(
    { name: 'api', host: '127.0.0.1', port: 0 },
    { fetch: scene.api.fetch, log: scene.house.log },
  )
  await server.start()
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-guide-'))
  mkdirSync(join(dir, '.holdpoint'))
  writeFileSync(join(dir, '.holdpoint/session.json'), JSON.stringify({ idToken: scene.house.token('bob') }))
})
afterAll(async () => {
  await server.stop()
  await scene.house.stop()
  rmSync(dir, { recursive: true, force: true })
})

const tools = ['curl', 'jq'].every((tool) => spawnSync(tool, ['--version']).status === 0)

test.skipIf(!tools)(
  'guide - its commands, one after the other, find a request, release it and watch, take it back, stop its agent and erase it',
  async () => {
    const { requestId } = await holdAction(scene.agent, attemptOf({ arguments: { rows: 1200 } }))
    const env = { ...process.env, HOLDPOINT: server.url() }
    const [before, after] = guide.split('## Take back, stop, erase') as [string, string]
    const { stdout, stderr } = await run('sh', ['-c', blocks('sh', before).join('\n')], { cwd: dir, env })
    expect(stderr).toBe('')
    expect(stdout).toContain('"total": 1')
    expect(stdout).toContain('"rows": 1200')
    expect(stdout).toContain('{"missing":0,"state":"approved"}')
    expect(stdout).toContain('event: snapshot\n')
    expect(stdout).toContain('"effect": "hold"')
    const claimed = (await claimOf(scene.agent, requestId)) as Extract<ClaimReply, { status: 'approved' }>
    expect(claimed.status).toBe('approved')

    const verified = await run(process.execPath, ['--input-type=module', '-e', blocks('js').join('\n')], {
      cwd: root,
      env: {
        ...env,
        WARRANT: claimed.warrant,
        ORIGIN: 'test.invalid/holdpoint',
        ENFORCEMENT: 'in-process:support-agent',
      },
    })
    expect(verified.stdout).toBe(`${requestId} approved [ 'bob' ]\n`)

    const given = { ...env, TOKEN: scene.house.token('bob'), ID: requestId }
    const ended = await run('sh', ['-c', blocks('sh', after).join('\n')], { cwd: dir, env: given })
    expect(ended.stderr).toBe('')
    expect(ended.stdout).toMatch(/^\{"state":"revoked"\}\{"agentId":"support-agent",.*"frozen":true/)
    expect(ended.stdout).toMatch(/\{"erasedAtMs":\d+\}\{\n {2}"status": 410,\n {2}"code": "ERASED"\n\}\n$/)
  },
)

test('guide - it names every problem, with its status', () => {
  const rows = [...guide.matchAll(/^\| (\d{3}) \| `([A-Z_]+)` \| (.*) \|$/gm)]
  expect(rows.map(([, status, code, text]) => [code, Number(status), text])).toEqual(
    (Object.entries(ERROR_CODES) as [ErrorCode, string][]).map(([code, text]) => [
      code,
      HTTP_STATUS[code],
      text,
    ]),
  )
})

test('guide - every address that it names is one of the API', () => {
  const named = new Set(
    [...guide.matchAll(/\/v1\/[\w/{}$]+/g)].map(([path]) => path.replace(/\{id\}|\$(?:ID|AGENT)/, ':id')),
  )
  const known = scene.api.routes.map(({ path }) => path)
  expect(named.size).toBeGreaterThan(6)
  for (const path of named) expect(known).toContain(path)
})
