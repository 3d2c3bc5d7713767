import cp, { execFileSync, execSync, spawnSync } from 'node:child_process'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type ProcessScene, startProcessScene } from './process-scene.ts'

let scene: ProcessScene
beforeAll(async () => {
  scene = await startProcessScene()
})
afterAll(() => scene.stop())
afterEach(() => {
  // Nobody can be asked by a call that blocks.
  expect(scene.broker.requests).toEqual([])
  scene.reset()
})
const thrownBy = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}
const said = (pattern: RegExp) => expect.stringMatching(pattern)

describe('what policy allows', () => {
  test('child-process - it runs untouched in each form, with its own options', () => {
    expect(execFileSync('echo', ['hello'], { encoding: 'utf8' })).toBe('hello\n')
    expect(execSync('true', { stdio: 'pipe' })).toEqual(Buffer.alloc(0))
    expect(spawnSync('echo', ['hello'], { encoding: 'utf8', argv0: undefined })).toMatchObject({
      status: 0,
      stdout: 'hello\n',
      stderr: '',
      output: [null, 'hello\n', ''],
    })
    expect(spawnSync('echo', { encoding: 'utf8' }).stdout).toBe('\n')
    expect(cp.execFileSync('echo')).toEqual(Buffer.from('\n'))
  })

  test('child-process - what fails, fails as ever', () => {
    expect(thrownBy(() => execFileSync('git', ['status'], { cwd: '/', stdio: 'pipe' }))).toMatchObject({
      message: said(/^Command failed: git status/),
      status: 128,
    })
    expect(spawnSync('echo', [], { cwd: '/nowhere' }).error).toMatchObject({ code: 'ENOENT' })
    expect(thrownBy(() => spawnSync('echo', 'no list' as never))).toMatchObject({
      code: 'ERR_INVALID_ARG_TYPE',
    })
    expect(thrownBy(() => execFileSync(1 as never))).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' })
  })
})

describe('what policy holds', () => {
  test('child-process - spawnSync - the error is in the result, and names the form that waits', () => {
    expect(spawnSync('touch', ['x'])).toEqual({
      error: expect.objectContaining({
        code: 'APPROVAL_IMPOSSIBLE',
        message: said(/touch was not run.*spawnSync blocks: call spawn, which waits/),
        syscall: 'spawnSync touch',
        path: 'touch',
        spawnargs: ['x'],
      }),
      status: null,
      signal: null,
      output: null,
      pid: 0,
      stdout: null,
      stderr: null,
    })
  })

  test.each<[string, () => unknown, RegExp]>([
    ['execFileSync', () => execFileSync('touch', ['x'], { encoding: 'utf8' }), /call execFile, which/],
    ['execSync', () => execSync('touch x', { encoding: 'utf8' }), /call exec, which/],
  ])('child-process - %s throws as for a command that fails', (_form, run, names) => {
    const error = thrownBy(run)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      message: said(/^Command failed: /),
      code: 'APPROVAL_IMPOSSIBLE',
      status: 126,
      signal: null,
      stdout: '',
      stderr: said(names),
    })
  })

  test('child-process - without an encoding, what it says is bytes', () => {
    const error = thrownBy(() => execFileSync('touch', ['x'])) as { stderr: Buffer }
    expect(error.stderr).toBeInstanceOf(Buffer)
    expect(error.stderr.toString()).toMatch(/APPROVAL_IMPOSSIBLE/)
  })

  test('child-process - what policy denies is refused with the reason of the rule', () => {
    expect(spawnSync('terraform', ['destroy']).error).toMatchObject({
      code: 'POLICY_DENIED',
      message: said(/Destroying is a change request/),
    })
    expect(thrownBy(() => execSync('terraform destroy'))).toMatchObject({ code: 'POLICY_DENIED' })
  })
})

describe('who tries to get past it', () => {
  test('child-process - options that say something else each time are read once', () => {
    let asked = 0
    const options = {
      get shell() {
        return asked++ > 0
      },
      encoding: 'utf8' as const,
    }
    expect(spawnSync('echo', ['$HOME'], options).stdout).toBe('$HOME\n')
    const shifty = { toString: () => (asked++ % 2 === 0 ? 'a' : 'b') } as never
    expect(['a\n', 'b\n']).toContain(spawnSync('echo', [shifty], { encoding: 'utf8' }).stdout)
  })

  test('child-process - a polluted prototype changes nothing of what was allowed', () => {
    const polluted = Object.prototype as { shell?: unknown; argv0?: unknown; env?: unknown }
    Object.assign(polluted, { shell: true, argv0: 'evil', env: { EVIL: '1' } })
    try {
      expect(spawnSync('echo', ['$EVIL; id'], { encoding: 'utf8' }).stdout).toBe('$EVIL; id\n')
      expect(execFileSync('echo', ['$EVIL'], { encoding: 'utf8' })).toBe('$EVIL\n')
    } finally {
      for (const name of ['shell', 'argv0', 'env']) Reflect.deleteProperty(polluted, name)
    }
  })

  test.each([
    'true; id',
    'true $(id)',
    'true `id`',
    'true\nid',
    'true && id',
    'true > /tmp/x',
    'true & id',
    'true *',
    'A=1 true',
    'true "$HOME"',
  ])('child-process - %j is no plain text, and is not run whatever the rule says', (text) => {
    expect(thrownBy(() => execSync(text))).toMatchObject({ code: 'APPROVAL_IMPOSSIBLE' })
  })

  test('child-process - a shell that is allowed does not run what is not', () => {
    expect(thrownBy(() => execSync('terraform apply'))).toMatchObject({ code: 'APPROVAL_IMPOSSIBLE' })
    expect(spawnSync('terraform', ['apply'], { shell: true }).error).toMatchObject({
      code: 'APPROVAL_IMPOSSIBLE',
    })
  })
})
