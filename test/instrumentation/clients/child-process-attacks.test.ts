import cp, { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ProcessScene, startProcessScene } from './process-scene.ts'

type Spawn = (this: object, options: object) => number
const raw = cp.ChildProcess.prototype as cp.ChildProcess & { spawn: Spawn }
/** Kept from before the gate. */
const kept = raw.spawn

let scene: ProcessScene
beforeAll(async () => {
  scene = await startProcessScene()
})
afterAll(() => scene.stop())
afterEach(() => scene.reset())

const release = async (child: cp.ChildProcess) => {
  const [out, end] = [text(child.stdout as NodeJS.ReadableStream), once(child, 'close')]
  scene.broker.decide(await scene.opened(), 'approved')
  await end
  return out
}
const inScene = (name: string) => join(scene.dir, name)

describe('what is changed after the ask', () => {
  test('child-process - arguments and environment run as they were asked about', async () => {
    const [args, env] = [
      ['-c', 'echo $WORD'],
      { PATH: process.env.PATH, WORD: 'asked' } as Record<string, string>,
    ]
    const child = spawn('sh', args, { env })
    args[1] = 'echo evil'
    env.WORD = 'evil'
    child.spawnargs[2] = 'echo evil'
    expect(await release(child)).toBe('asked\n')
  })

  test('child-process - this process’ own environment as well', async () => {
    process.env.HOLDPOINT_TEST_WORD = 'asked'
    const child = spawn('sh', ['-c', 'echo $HOLDPOINT_TEST_WORD'])
    process.env.HOLDPOINT_TEST_WORD = 'evil'
    expect(await release(child)).toBe('asked\n')
    delete process.env.HOLDPOINT_TEST_WORD
  })

  test('child-process - options that are handed to ChildProcess itself as well', async () => {
    const child = new cp.ChildProcess() as cp.ChildProcess & { spawn: Spawn }
    let asked = 0
    const args = ['sh', '-c', { toString: () => `echo ${++asked}` }]
    const options = {
      get file() {
        return asked++ === 0 ? 'sh' : 'rm'
      },
      args,
      stdio: ['ignore', 'pipe', 'inherit'],
    }
    child.spawn(options)
    args.splice(0, 3, 'rm', '-rf', inScene(''))
    expect((await scene.opened()).attempt.action.arguments).toEqual(['sh', '-c', 'echo 2'])
    expect(await release(child)).toBe('2\n')
  })

  test('child-process - a folder that another takes the place of: it runs in the one that was there', async () => {
    for (const name of ['asked', 'evil']) mkdirSync(inScene(name))
    const child = spawn('touch', ['file'], { cwd: inScene('asked') })
    renameSync(inScene('asked'), inScene('moved'))
    symlinkSync(inScene('evil'), inScene('asked'))
    await release(child)
    expect([existsSync(inScene('moved/file')), existsSync(inScene('evil/file'))]).toEqual([true, false])
  })
})

describe('what is not what it is called', () => {
  const doubtOf = async (child: cp.ChildProcess) => {
    child.on('error', () => {})
    const { attempt } = await scene.opened()
    child.kill()
    await once(child, 'close')
    return [attempt.action.name, attempt.doubt ?? '']
  }
  const own = () => ({ PATH: process.env.PATH })

  test.each<[string, () => cp.ChildProcess, string, RegExp | '']>([
    [
      'another environment to load from',
      () => spawn('echo', { env: { ...own(), LD_PRELOAD: '/tmp/x.so' } }),
      'echo',
      /another LD_PRELOAD/,
    ],
    ['another PATH', () => spawn('echo', { env: { PATH: '/tmp/evil' } }), 'echo', /another PATH/],
    ['another name for itself', () => spawn('echo', { argv0: 'busybox' }), 'echo', /own name is busybox/],
    ['another user', () => spawn('echo', { uid: process.getuid?.() ?? 0 }), 'echo', /runs as user/],
    [
      'an option before what it is told to do',
      () => spawn('git', ['-c', 'status', 'push']),
      'git',
      /behind an option, -c/,
    ],
    ['a program that runs another', () => spawn('env', ['echo']), 'env', /runs another program/],
    [
      'configuration that has git run something',
      () => spawn('git', ['status'], { env: { ...own(), GIT_CONFIG_COUNT: '1' } }),
      'git status',
      /another GIT_CONFIG_COUNT/,
    ],
    ['a text behind options of a shell', () => spawn('sh', ['-ce', 'true; id']), 'sh', /of a text/],
    ['a text behind an option and another', () => spawn('sh', ['-c', '-e', 'id']), 'sh', /of a text/],
    ['metacharacters for a shell', () => spawn('echo', ['; id'], { shell: true }), 'sh', /of a text/],
    [
      'a shell that is told to deny',
      () => cp.exec('terraform apply'),
      'sh',
      /has a shell run terraform apply/,
    ],
  ])(
    'child-process - %s is asked about, although policy allows the name',
    async (_what, start, name, doubt) => {
      expect(await doubtOf(start())).toEqual([name, expect.stringMatching(doubt)])
    },
  )

  test('child-process - a file called git is not the git that policy allows', async () => {
    writeFileSync(inScene('git'), '#!/bin/sh\necho evil\n')
    chmodSync(inScene('git'), 0o755)
    expect(await doubtOf(spawn(inScene('git'), ['status']))).toEqual([`${inScene('git')} status`, ''])
  })

  test('child-process - a file called terraform is the terraform that policy denies', async () => {
    const child = spawn(inScene('terraform'), ['destroy'])
    expect(await once(child, 'exit')).toEqual([126, null])
    expect(scene.broker.requests).toEqual([])
  })

  test('child-process - what would be cut off at a null byte is refused', () => {
    const child = new cp.ChildProcess() as cp.ChildProcess & { spawn: Spawn }
    expect(() => child.spawn({ file: 'sh', args: ['sh', '-c', 'rm -rf x\0 --dry-run'] })).toThrow(
      /null bytes/,
    )
  })
})

describe('a way past the patch', () => {
  test('child-process - a method that was kept from before starts nothing', () => {
    expect(kept).not.toBe(raw.spawn)
    const child = new cp.ChildProcess()
    expect(() => kept.call(child, { file: 'touch', args: ['touch', inScene('past')] })).toThrow(
      /past the gate/,
    )
  })

  test('child-process - a patch that is taken off leaves nothing that could be started', () => {
    const ours = raw.spawn
    raw.spawn = kept
    try {
      expect(() => spawn('touch', [inScene('past')])).toThrow(/past the gate/)
      expect(() => cp.exec(`touch ${inScene('past')}`)).toThrow(/past the gate/)
    } finally {
      raw.spawn = ours
    }
    expect(existsSync(inScene('past'))).toBe(false)
  })

  test('child-process - the program does not see the pipe that releases its command', async () => {
    const child = spawn('touch', [inScene('x')], { stdio: ['pipe', 'pipe', 'pipe'] })
    expect(child.stdio).toHaveLength(3)
    expect(JSON.stringify(child.spawnargs)).not.toContain('shim')
    child.kill()
    await once(child, 'close')
  })
})
