import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Command, completionCommand, defineCommand, runProgram } from '#runtime'
import { createFakeIo } from '../support/io.ts'

const run = async () => 0 as const
const commands: Command[] = [
  defineCommand({ name: 'up', summary: 'Run everything', example: 'holdpoint up', run }),
  defineCommand({
    name: 'requests list',
    summary: 'List what waits: it’s what [you] decide',
    example: 'holdpoint requests list',
    options: {
      all: { type: 'boolean', description: 'Decided ones too' },
      risk: { type: 'string', value: 'RISK', description: 'Only: low [or] high' },
    },
    run,
  }),
  defineCommand({
    name: 'requests show',
    summary: 'Show one; isn\'t "quoted"',
    example: 'holdpoint requests show 1-q5x7',
    positionals: [{ name: 'REQUEST', description: 'Its id' }],
    options: { full: { type: 'boolean', description: 'All of it' } },
    run,
  }),
  completionCommand(() => program),
]
const program = { name: 'holdpoint', version: '0', summary: '', commands }

async function scriptFor(shell: string) {
  const io = createFakeIo()
  const code = await runProgram(program, ['completion', shell], io)
  return { code, out: io.out(), err: io.err() }
}

let dir = ''
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-completion-'))
  for (const shell of ['bash', 'zsh', 'fish'])
    writeFileSync(join(dir, `holdpoint.${shell}`), (await scriptFor(shell)).out)
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

/** What stands in for `holdpoint` on the PATH, as a shell script. */
function pretend(body: string): void {
  writeFileSync(join(dir, 'holdpoint'), `#!/bin/sh\n${body}\n`)
  chmodSync(join(dir, 'holdpoint'), 0o755)
}

/** What bash offers for the last of these words. */
function complete(...words: string[]): string[] {
  const quoted = words.map((word) => `'${word}'`).join(' ')
  const script = `source "$DIR/holdpoint.bash"; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _holdpoint; printf '%s\\n' "\${COMPREPLY[@]}"`
  const { stdout, stderr, status } = spawnSync('bash', ['--norc', '-c', script], {
    env: { PATH: `${dir}:${process.env.PATH}`, DIR: dir },
    encoding: 'utf8',
  })
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 })
  return stdout.split('\n').filter((line) => line !== '')
}

test('completion - bash offers commands, those of a group, and options', () => {
  expect(complete('holdpoint', '')).toEqual(['up', 'requests', 'completion', '--help', '--version'])
  expect(complete('holdpoint', 're')).toEqual(['requests'])
  expect(complete('holdpoint', 'requests', '')).toEqual(['list', 'show', '--help'])
  expect(complete('holdpoint', 'requests', 'list', '--')).toEqual(['--all', '--risk', '--help'])
  expect(complete('holdpoint', 'requests', 'show', '--f')).toEqual(['--full'])
  expect(complete('holdpoint', 'up', '--')).toEqual(['--help'])
  expect(complete('holdpoint', 'unknown', '')).toEqual([])
})

test('completion - the value of an option is no option', () => {
  expect(complete('holdpoint', 'requests', 'list', '--risk', '')).toEqual([])
  expect(complete('holdpoint', 'requests', 'list', '--all', '--r')).toEqual(['--risk'])
})

test('completion - ids come from what waits', () => {
  pretend(
    `[ "$*" = "requests list --json --limit 200" ] && echo '{"requests":[{"requestId":"1-abc"},{"requestId":"1-xyz"}],"total":2}'`,
  )
  expect(complete('holdpoint', 'requests', 'show', '')).toEqual(['1-abc', '1-xyz'])
  expect(complete('holdpoint', 'requests', 'show', '1-x')).toEqual(['1-xyz'])
})

test('completion - what an agent names its actions is neither offered nor run', () => {
  const name = '","requestId":"$(touch $DIR/pwned)","x":"\\"requestId\\":\\"1-evil\\"'
  const reply = JSON.stringify({ requests: [{ requestId: '1-abc', name, target: '`touch $DIR/pwned`' }] })
  writeFileSync(join(dir, 'reply.json'), reply)
  pretend(`cat "$DIR/reply.json"`)
  expect(complete('holdpoint', 'requests', 'show', '')).toEqual(['1-abc'])
  expect(spawnSync('ls', [join(dir, 'pwned')]).status).not.toBe(0)
})

test('completion - where nothing runs or nobody is signed in, nothing is offered and nothing is said', () => {
  pretend('echo "UNAUTHENTICATED: not signed in" >&2; exit 1')
  expect(complete('holdpoint', 'requests', 'show', '')).toEqual([])
})

const has = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0

test.skipIf(!has('zsh'))('completion - zsh can read its script', () => {
  expect(spawnSync('zsh', ['-n', join(dir, 'holdpoint.zsh')], { encoding: 'utf8' })).toMatchObject({
    status: 0,
    stderr: '',
  })
})

test.skipIf(!has('fish'))('completion - fish can read its script', () => {
  expect(spawnSync('fish', ['-n', join(dir, 'holdpoint.fish')], { encoding: 'utf8' })).toMatchObject({
    status: 0,
    stderr: '',
  })
})

test('completion - zsh gets every command and option, quoted', async () => {
  const { out } = await scriptFor('zsh')
  expect(out.startsWith('#compdef holdpoint\n')).toBe(true)
  expect(out).toContain(`'list:List what waits: it’s what [you] decide'`)
  expect(out).toContain(`'show:Show one; isn'\\''t "quoted"'`)
  expect(out).toContain(`'--risk=[Only\\: low \\[or\\] high]:RISK:_files'`)
  expect(out).toContain(`'*:REQUEST:_holdpoint_requests'`)
})

test('completion - fish gets every command and option, quoted', async () => {
  const { out } = await scriptFor('fish')
  expect(out).toContain(`complete -c holdpoint -n '__holdpoint_next requests' -f -a 'list'`)
  expect(out).toContain(
    `complete -c holdpoint -n '__holdpoint_at requests list' -l risk -r -d 'Only: low [or] high'`,
  )
  expect(out).toContain(
    `complete -c holdpoint -n '__holdpoint_at requests show' -f -a '(__holdpoint_requests)'`,
  )
})

test.each(['', 'tcsh', 'toString', '__proto__'])(
  'completion - %j is no shell that it knows',
  async (shell) => {
    const { code, out, err } = await scriptFor(shell)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('bash, zsh, fish')
  },
)
