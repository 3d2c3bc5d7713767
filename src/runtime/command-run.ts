import { parseArgs } from 'node:util'
import { type ErrorCode, HoldpointError, visible } from '#contract'
import type { Command, ExitCode, Invocation, Io, Option, PassedOn } from './command.ts'
import { helpForAll, helpForOne } from './command-help.ts'
import { didYouMean } from './suggest.ts'

export interface Program {
  /** As typed: `holdpoint`. */
  name: string
  version: string
  summary: string
  commands: readonly Command[]
}

/** Runs the command that `argv` (without node and file) names, and returns the process' exit code. */
export async function runProgram(program: Program, argv: readonly string[], io: Io): Promise<ExitCode> {
  const [first] = argv
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    const about = first === 'help' && argv.length > 1 ? find(program, argv.slice(1)) : undefined
    const text = about ? helpForOne(program, about.command) : helpForAll(program)
    ;(first === undefined ? io.stderr : io.stdout).write(text)
    return first === undefined ? 2 : 0
  }
  if (first === '--version' || first === 'version') {
    io.stdout.write(`${program.version}\n`)
    return 0
  }
  const found = find(program, argv)
  if (!found) return explainUnknown(program, argv, io)
  const { command, rest } = found
  if (rest.slice(0, indexOrEnd(rest, '--')).some((word) => word === '--help' || word === '-h')) {
    io.stdout.write(helpForOne(program, command))
    return 0
  }
  const read = readInvocation(command, rest)
  if ('problem' in read) {
    io.stderr.write(`${program.name} ${command.name}: ${read.problem}\n`)
    io.stderr.write(`Try: ${program.name} ${command.name} --help\n`)
    return 2
  }
  const code = await runGuarded(command, read.invocation, io)
  if (typeof code === 'object') return code.passedOn as ExitCode
  if (code === 2) io.stderr.write(`Try: ${program.name} ${command.name} --help\n`)
  return code
}

/** A refusal is one line that a script can match by its code; a stack trace is for whoever asks for it. */
async function runGuarded(command: Command, invocation: Invocation, io: Io): Promise<ExitCode | PassedOn> {
  try {
    return await command.run(invocation, io)
  } catch (error) {
    if (io.env.HOLDPOINT_LOG_LEVEL === 'debug') io.stderr.write(`${withCauses(error)}\n`)
    // What the broker refuses it may quote, and that may come from an agent.
    const message = error instanceof Error ? error.message : String(error)
    io.stderr.write(`${codeOf(error)}: ${visible(message)}\n`)
    return 1
  }
}

/** A folder that cannot be written or a full disk is no fault of ours; Node's own words name the path. */
const codeOf = (error: unknown): ErrorCode => {
  if (error instanceof HoldpointError) return error.code
  return error instanceof Error && 'syscall' in error ? 'UNAVAILABLE' : 'INTERNAL'
}

const withCauses = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? error.message
  return error.cause === undefined ? own : `${own}\ncaused by ${withCauses(error.cause)}`
}

function find(program: Program, words: readonly string[]): { command: Command; rest: string[] } | undefined {
  for (const length of [2, 1]) {
    const name = words.slice(0, length).join(' ')
    const command = program.commands.find((one) => one.name === name)
    if (command) return { command, rest: words.slice(length) }
  }
  return undefined
}

function explainUnknown(program: Program, argv: readonly string[], io: Io): ExitCode {
  const [first = '', second] = argv
  const group = program.commands.filter((command) => command.name.startsWith(`${first} `))
  if (group.length > 0 && (second === '--help' || second === '-h')) {
    io.stdout.write(helpForAll({ ...program, commands: group }))
    return 0
  }
  if (group.length > 0) {
    const known = group.map((command) => command.name.slice(first.length + 1))
    const problem =
      second === undefined ? `${first} needs one of: ` : `no command "${first} ${second}"; there is: `
    io.stderr.write(`${program.name}: ${problem}${known.join(', ')}\n`)
    return 2
  }
  const names = program.commands.flatMap((command) => [command.name, command.name.split(' ')[0] as string])
  io.stderr.write(`${program.name}: no command "${first}"${didYouMean(first, names)}\n`)
  io.stderr.write(`Try: ${program.name} --help\n`)
  return 2
}

type Read = { invocation: Invocation } | { problem: string }

function readInvocation(command: Command, words: string[]): Read {
  const options = command.options ?? {}
  const unknown = findUnknownOption(options, words)
  if (unknown) return { problem: unknown }
  let parsed: {
    values: Record<string, string | boolean | (string | boolean)[] | undefined>
    positionals: string[]
  }
  try {
    parsed = parseArgs({ args: words, options: forParseArgs(options), allowPositionals: true, strict: true })
  } catch (error) {
    // Node's own sentences name the option; the advice after the first one is about its API.
    return { problem: (error as Error).message.split('. ')[0] as string }
  }
  const values: Record<string, unknown> = {}
  for (const [name, option] of Object.entries(options)) {
    const value =
      parsed.values[name] ?? (option.multiple ? [] : option.type === 'boolean' ? false : option.default)
    if (value === undefined && option.required)
      return { problem: `--${name} ${option.value ?? 'VALUE'} is missing` }
    values[name] = value
  }
  const problem = checkPositionals(command, parsed.positionals)
  return problem ? { problem } : { invocation: { options: values as never, positionals: parsed.positionals } }
}

function findUnknownOption(options: Record<string, Option>, words: readonly string[]): string | undefined {
  const names = Object.keys(options)
  for (const word of words.slice(0, indexOrEnd(words, '--'))) {
    const name = /^--([^=]+)/.exec(word)?.[1]
    if (name === undefined || names.includes(name)) continue
    return `unknown option --${name}${didYouMean(
      `--${name}`,
      [...names, 'help'].map((one) => `--${one}`),
    )}`
  }
  return undefined
}

function checkPositionals({ positionals = [] }: Command, given: readonly string[]): string | undefined {
  const missing = positionals[given.length]
  if (missing && !missing.optional) return `${missing.name} is missing (${missing.description})`
  const takesMore = positionals.at(-1)?.multiple
  if (given.length > positionals.length && !takesMore)
    return `unexpected argument "${given[positionals.length]}"`
  return undefined
}

const forParseArgs = (options: Record<string, Option>) =>
  Object.fromEntries(
    Object.entries(options).map(([name, { type, short, multiple = false }]) => [
      name,
      short === undefined ? { type, multiple } : { type, short, multiple },
    ]),
  )

const indexOrEnd = (words: readonly string[], word: string): number => {
  const index = words.indexOf(word)
  return index < 0 ? words.length : index
}
