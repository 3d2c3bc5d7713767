import { writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { HoldpointError } from '#contract'
import { defineCommand, type Invocation, type Program, runProgram } from '#runtime'
import { createFakeIo } from '../support/io.ts'

function createProgram() {
  const seen: Invocation[] = []
  const add = defineCommand({
    name: 'agent add',
    summary: 'Registers an agent.',
    example: 'holdpoint agent add support-bot --owner oidc:https://idp.example.com#ann',
    options: {
      owner: { type: 'string', value: 'SUBJECT', description: 'Who answers for it.', required: true },
      environment: {
        type: 'string',
        value: 'ENV',
        description: 'Where it runs.',
        default: 'dev',
        short: 'e',
      },
      tag: { type: 'string', description: 'A label.', multiple: true },
      json: { type: 'boolean', description: 'One JSON object on the last line.' },
    },
    positionals: [{ name: 'NAME', description: 'the name of the agent' }],
    async run(invocation, io) {
      seen.push(invocation)
      // Held by the type checker: required and preset options are text, not perhaps.
      const shown: string = invocation.options.owner + invocation.options.environment
      io.stdout.write(`${shown} ${invocation.options.tag.length}\n`)
      return 0
    },
  })
  const fails = defineCommand({
    name: 'doctor',
    summary: 'Fails.',
    example: 'holdpoint doctor',
    async run() {
      throw new HoldpointError('UNAVAILABLE', 'NATS does not answer', { cause: new Error('ECONNREFUSED') })
    },
  })
  const breaks = defineCommand({
    name: 'seed',
    summary: 'Breaks.',
    example: 'holdpoint seed',
    run: () => Promise.reject(new TypeError('x is undefined')),
  })
  const writes = defineCommand({
    name: 'write',
    summary: 'Writes where nothing can be written.',
    example: 'holdpoint write',
    async run() {
      writeFileSync('/nowhere/at/all', '')
      return 0
    },
  })
  const program: Program = {
    name: 'holdpoint',
    version: '1.2.3',
    summary: 'Holds.',
    commands: [add, fails, breaks, writes],
  }
  return { program, seen }
}

const run = async (argv: string[], env: NodeJS.ProcessEnv = {}) => {
  const { program, seen } = createProgram()
  const io = createFakeIo({ env })
  const code = await runProgram(program, argv, io)
  return { code, out: io.out(), err: io.err(), seen }
}

test('command - a sub-command gets its options and positionals', async () => {
  const { code, out, seen } = await run(['agent', 'add', 'bot', '--owner', 'ann', '--tag=a', '--tag', 'b'])
  expect(code).toBe(0)
  expect(out).toBe('anndev 2\n')
  expect(seen[0]?.positionals).toEqual(['bot'])
  expect({ ...seen[0]?.options }).toEqual({ owner: 'ann', environment: 'dev', tag: ['a', 'b'], json: false })
})

test.for([
  [['agent', 'add', '--owner', 'ann'], 'NAME is missing'],
  [['agent', 'add', 'bot'], '--owner SUBJECT is missing'],
  [['agent', 'add', 'bot', '--ownr', 'ann'], 'unknown option --ownr; did you mean --owner?'],
  [['agent', 'add', 'bot', '--owner'], '--owner'],
  [['agent', 'add', 'bot', '--owner', 'ann', '--json=yes'], '--json'],
  [['agent', 'add', 'bot', 'robot', '--owner', 'ann'], 'unexpected argument "robot"'],
  [['agent', 'add', 'bot', '-x', '--owner', 'ann'], '-x'],
  [['agent'], 'agent needs one of: add'],
  [['agent', 'remove'], 'there is: add'],
  [['docter'], 'did you mean doctor?'],
  [['frobnicate'], 'no command "frobnicate"'],
] as const)('command - %j is wrong usage', async ([argv, message]) => {
  const { code, out, err, seen } = await run([...argv])
  expect({ code, out, seen }).toEqual({ code: 2, out: '', seen: [] })
  expect(err).toContain(message)
})

test('command - without a word, usage goes to standard error and the code is 2', async () => {
  const { code, out, err } = await run([])
  expect({ code, out }).toEqual({ code: 2, out: '' })
  expect(err).toContain('agent add')
})

test.for([
  [['agent', 'add', '--help']],
  [['help', 'agent', 'add']],
  [['agent', 'add', 'bot', '-h', '--ownr']],
] as const)('command - %j shows usage, every option and the example', async ([argv]) => {
  const { code, out } = await run([...argv])
  expect(code).toBe(0)
  expect(out).toContain('usage: holdpoint agent add NAME [OPTIONS]')
  expect(out).toContain('-e, --environment ENV')
  expect(out).toContain('Who answers for it. Required.')
  expect(out).toContain('Where it runs. Default: dev.')
  expect(out).toContain('holdpoint agent add support-bot --owner')
})

test('command - behind -- the word --help is an argument like any other', async () => {
  const { code, seen } = await run(['agent', 'add', '--owner', 'ann', '--', '--help'])
  expect(code).toBe(0)
  expect(seen[0]?.positionals).toEqual(['--help'])
})

test('command - an expected failure is one line with its code, and exit code 1', async () => {
  expect(await run(['doctor'])).toMatchObject({
    code: 1,
    out: '',
    err: 'UNAVAILABLE: NATS does not answer\n',
  })
})

test('command - a fault of our own says INTERNAL and shows no stack', async () => {
  expect(await run(['seed'])).toMatchObject({ code: 1, err: 'INTERNAL: x is undefined\n' })
})

test('command - a folder that cannot be written is no fault of ours, and is named', async () => {
  const { code, err } = await run(['write'])
  expect(code).toBe(1)
  expect(err).toMatch(/^UNAVAILABLE: ENOENT: .*nowhere/)
})

test('command - with HOLDPOINT_LOG_LEVEL=debug the stack and its cause are shown', async () => {
  const { err } = await run(['doctor'], { HOLDPOINT_LOG_LEVEL: 'debug' })
  expect(err).toContain('command.test.ts')
  expect(err).toContain('caused by Error: ECONNREFUSED')
})

test('command - --version prints the version alone', async () => {
  expect(await run(['--version'])).toMatchObject({ code: 0, out: '1.2.3\n', err: '' })
})
