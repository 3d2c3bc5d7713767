import cp, { execFile, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { type ProcessScene, startProcessScene } from './process-scene.ts'

const require = createRequire(import.meta.url)
const BARE: 'node:child_process' = 'child_process' as never
let scene: ProcessScene
beforeAll(async () => {
  scene = await startProcessScene()
})
afterAll(() => scene.stop())
afterEach(() => scene.reset())

const ended = async (child: cp.ChildProcess) => {
  const [stdout, stderr, [code, signal]] = await Promise.all([
    child.stdout === null ? '' : text(child.stdout),
    child.stderr === null ? '' : text(child.stderr),
    once(child, 'close'),
  ])
  return { stdout, stderr, code, signal }
}
const said = (pattern: RegExp) => expect.stringMatching(pattern)

describe('what policy allows', () => {
  test('child-process - it runs untouched: nobody is asked, and no other process stands in its place', async () => {
    const child = spawn('echo', ['hello'])
    expect(child).toMatchObject({ spawnfile: 'echo', spawnargs: ['echo', 'hello'] })
    expect(child.stdio).toHaveLength(3)
    expect(await ended(child)).toEqual({ stdout: 'hello\n', stderr: '', code: 0, signal: null })
    expect(scene.broker.requests).toEqual([])
  })

  test('child-process - a program that is not there fails as ever', async () => {
    const [error] = await once(
      spawn('git', ['status'], { env: { PATH: process.env.PATH }, cwd: '/nowhere' }),
      'error',
    )
    expect(error).toMatchObject({ code: 'ENOENT', syscall: 'spawn git' })
  })
})

const childOf = (promised: Promise<unknown> & { child: cp.ChildProcess }) => {
  promised.catch(() => {})
  return promised.child
}
const forms: [string, (file: string) => cp.ChildProcess][] = [
  ['spawn', (file) => cp.spawn('touch', [file])],
  ['execFile', (file) => cp.execFile('touch', [file])],
  ['exec', (file) => cp.exec(`touch ${file}`)],
  ['spawn with a shell', (file) => cp.spawn('touch', [file], { shell: true })],
  ['a named ESM import', (file) => spawn('touch', [file])],
  ['the bare CommonJS module', (file) => require(BARE).execFile('touch', [file])],
  ['getBuiltinModule', (file) => process.getBuiltinModule('child_process').spawn('touch', [file])],
  ['promisified exec', (file) => childOf(promisify(cp.exec)(`touch ${file}`))],
  ['promisified execFile', (file) => childOf(promisify(execFile)('touch', [file]))],
  [
    'ChildProcess.prototype.spawn',
    (file) => {
      const child = new cp.ChildProcess() as cp.ChildProcess & { spawn(options: object): number }
      child.spawn({ file: 'touch', args: ['touch', file], stdio: ['ignore', 'pipe', 'pipe'] })
      return child
    },
  ],
]

const fileOf = (form: string) => join(scene.dir, form.replaceAll(/\W/g, '-'))
const isShell = (form: string) => /exec$|shell/.test(form)

test('child-process - every way to start a program returns at once, waits, and then runs it exactly once', async () => {
  const children = forms.map(([form, start]) => [form, start(fileOf(form))] as const)
  await scene.opened(forms.length)
  for (const [form, child] of children) {
    expect(child.pid, form).toBeGreaterThan(0)
    expect(existsSync(fileOf(form)), form).toBe(false)
    const request = scene.broker.requests.find(({ attempt }) =>
      JSON.stringify(attempt.action.arguments).includes(`${fileOf(form)}"`),
    ) as (typeof scene.broker.requests)[number]
    expect(request.attempt.action, form).toMatchObject({
      kind: 'process',
      name: isShell(form) ? 'sh' : 'touch',
      target: process.cwd(),
      arguments: isShell(form) ? ['/bin/sh', '-c', `touch ${fileOf(form)}`] : ['touch', fileOf(form)],
      runtime: { cwdDigest: said(/^sha-256:/), envDigest: said(/^sha-256:/) },
    })
    scene.broker.decide(request, 'approved')
  }
  const OK = { stdout: '', stderr: '', code: 0, signal: null }
  expect(await Promise.all(children.map(([, child]) => ended(child)))).toEqual(forms.map(() => OK))
  expect(forms.filter(([form]) => !existsSync(fileOf(form)))).toEqual([])
  await vi.waitFor(() => expect(scene.broker.outcomes).toHaveLength(forms.length))
  expect(new Set(scene.broker.outcomes.map(({ outcome }) => outcome))).toEqual(new Set(['executed']))
})

test('child-process - refused, it ends with 126 and says why, and nothing has run', async () => {
  scene.broker.onRequest = () => 'denied'
  const some = forms.filter(([form]) => ['spawn', 'exec', 'promisified execFile'].includes(form))
  const children = some.map(([form, start]) => start(`${fileOf(form)}-refused`))
  for (const end of await Promise.all(children.map(ended)))
    expect(end).toEqual({ stdout: '', stderr: said(/APPROVAL_DENIED/), code: 126, signal: null })
  expect(children).toHaveLength(3)
  expect(some.filter(([form]) => existsSync(`${fileOf(form)}-refused`))).toEqual([])
})

test('child-process - fork - its channel reaches the released program, with all that was sent before', async () => {
  const module = join(scene.dir, 'forked.mjs')
  writeFileSync(
    module,
    `process.once('message', (m) => process.send({ got: m, argv: process.argv.slice(2) }, () => process.exit(5)))`,
  )
  const child = fork(module, ['a b'], { execArgv: [], stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
  child.send({ hello: 1 })
  const request = await scene.opened()
  expect(request.attempt.action).toMatchObject({ name: 'node', arguments: [process.execPath, module, 'a b'] })
  scene.broker.decide(request, 'approved')
  const [answer] = await once(child, 'message')
  expect(answer).toEqual({ got: { hello: 1 }, argv: ['a b'] })
  expect(await once(child, 'exit')).toEqual([5, null])
})

test('child-process - what policy denies ends with 126 and the reason of the rule', async () => {
  const { code, stderr } = await ended(spawn('terraform', ['destroy', '-auto-approve']))
  expect({ code, stderr }).toEqual({
    code: 126,
    stderr: said(/POLICY_DENIED.*Destroying is a change request/),
  })
  expect(scene.broker.requests).toEqual([])
})

describe('the released command', () => {
  const release = async (child: cp.ChildProcess) => {
    const end = ended(child)
    scene.broker.decide(await scene.opened(), 'approved')
    return end
  }

  test('child-process - it has its own pid, folder, environment, arguments and name, and nothing of the shim', async () => {
    const script =
      'echo $$; pwd; tr "\\0" "|" < /proc/$$/environ; ls /proc/$$/fd | wc -l; tr "\\0" "|" < /proc/$$/cmdline; grep SigIgn /proc/$$/status'
    const child = spawn('sh', ['-c', script, 'with  blanks\n', ''], {
      cwd: scene.dir,
      env: { PATH: process.env.PATH, 'odd.name': 'a\nb', LC_ALL: 'C' },
      argv0: 'mysh',
    })
    const { stdout } = await release(child)
    const [pid, folder] = stdout.split('\n')
    expect(pid).toBe(String(child.pid))
    expect(folder).toBe(scene.dir)
    expect(stdout).toContain(`\nPATH=${process.env.PATH}|odd.name=a\nb|LC_ALL=C|`)
    expect(stdout).toContain(`mysh|-c|${script}|with  blanks\n||`)
    expect(stdout).toMatch(/SigIgn:\s+0+$/m)
  })

  test('child-process - its standard input is what was written to it meanwhile', async () => {
    const child = spawn('cat')
    child.stdin.end('written while people decide')
    expect(await release(child)).toMatchObject({ stdout: 'written while people decide', code: 0 })
  })

  test('child-process - more than three streams are passed on', async () => {
    const child = spawn('sh', ['-c', 'cat <&3 >&4'], {
      stdio: ['ignore', 'ignore', 'inherit', 'pipe', 'pipe'],
    })
    expect(child.stdio).toHaveLength(5)
    const [, , , three, four] = child.stdio as [
      null,
      null,
      null,
      NodeJS.WritableStream,
      NodeJS.ReadableStream,
    ]
    three.end('third')
    const read = text(four as never)
    expect(await release(child)).toMatchObject({ code: 0 })
    expect(await read).toBe('third')
  })

  test.each([
    ['an exit code', ['-c', 'exit 9'], { code: 9, signal: null }, 'exit_9'],
    ['a signal', ['-c', 'kill -TERM $$'], { code: null, signal: 'SIGTERM' }, 'SIGTERM'],
  ])(
    'child-process - %s is its own, and the ledger is told that it failed',
    async (_what, args, end, errorType) => {
      expect(await release(spawn('sh', args))).toMatchObject(end)
      await vi.waitFor(() =>
        expect(scene.broker.outcomes.at(-1)).toMatchObject({ outcome: 'failed', errorType }),
      )
    },
  )

  test('child-process - one that is not there ends with 127, as shells say it', async () => {
    expect(await release(spawn('no-such-program'))).toMatchObject({ code: 127, stderr: said(/not found/) })
  })

  test.each(['SIGTERM', 'SIGKILL'] as const)(
    'child-process - %s reaches one that runs beside the shim',
    async (signal) => {
      const child = spawn('sh', ['-c', 'sleep 0.2; echo $$; exec sleep 60'], {
        stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
      })
      scene.broker.decide(await scene.opened(), 'approved')
      const [pid] = await once(child.stdout as NodeJS.ReadableStream, 'data')
      expect(Number(pid)).not.toBe(child.pid)
      child.kill(signal)
      // Not before both are gone: the one beside holds the streams.
      expect(await once(child, 'close')).toEqual([null, signal])
    },
  )
})

describe('what gives up waiting', () => {
  const file = () => join(scene.dir, 'given-up')

  test.each<[string, object, (child: cp.ChildProcess) => void]>([
    ['kill()', {}, (child) => child.kill()],
    ['kill(SIGKILL)', {}, (child) => child.kill('SIGKILL')],
    ['its own timeout', { timeout: 150 }, () => {}],
  ])('child-process - %s cancels the request, and nothing runs', async (_what, options, giveUp) => {
    const child = spawn('touch', [file()], options)
    const exit = once(child, 'exit')
    const request = await scene.opened()
    giveUp(child)
    expect(await exit).toEqual([null, said(/^SIG(TERM|KILL)$/)])
    await vi.waitFor(() => expect(request.state).toBe('cancelled'))
    expect(existsSync(file())).toBe(false)
  })

  test('child-process - an AbortSignal cancels the request, and nothing runs', async () => {
    const aborter = new AbortController()
    const failed = once(spawn('touch', [file()], { signal: aborter.signal }), 'error')
    const request = await scene.opened()
    aborter.abort()
    expect((await failed)[0]).toMatchObject({ name: 'AbortError' })
    await vi.waitFor(() => expect(request.state).toBe('cancelled'))
    expect(existsSync(file())).toBe(false)
  })
})
