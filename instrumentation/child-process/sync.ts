import type { Gate, Refusal } from '#gate'
import { type Command, freezeCommand, ruleCommand, type Start } from './command.ts'
import { createSyncWait } from './wait-sync.ts'

type Call = (file: unknown, ...more: unknown[]) => unknown
type Options = Record<string, unknown>

interface Given {
  file: unknown
  args: unknown
  options: Options
}

/** What differs between the three: how they are called, what waits in their place, and how they say that it failed. */
const FORMS = {
  spawnSync: { waiting: 'spawn', read: readArgs, refused: failedResult },
  execFileSync: { waiting: 'execFile', read: readArgs, refused: throwFailed },
  execSync: { waiting: 'exec', read: readText, refused: throwFailed },
} as const

/**
 * A call that blocks cannot wait for people: nothing else of the process would run meanwhile, not even the gate. What
 * policy allows runs; the rest is refused in the function's own way, with the name of the one that can wait, or where
 * that is wanted left to another process that asks.
 */
export function replaceSync(
  exports: Record<string, unknown>,
  gate: Gate,
  normalise: (call: () => unknown) => Start,
): void {
  const spawn = exports.spawn as Call
  const wait = createSyncWait(process.env)
  const { spawnSync, execFileSync } = exports as Record<string, Call>
  for (const [name, { waiting, read, refused }] of Object.entries(FORMS)) {
    const original = exports[name] as Call
    const blocking = (name === 'spawnSync' ? spawnSync : execFileSync) as Call
    exports[name] = {
      [name]: (...given: unknown[]) => {
        const call = read(given)
        const command = freezeCommand(
          normalise(() => spawn(call.file, call.args, startOptions(call.options))),
        )
        const options = { ...call.options, cwd: command.cwd, env: environmentOf(command) }
        const run = () =>
          name === 'execSync' ? original(call.file, options) : original(call.file, call.args, options)
        const { attempt, foreseen } = ruleCommand(gate, command)
        if (foreseen === 'ask' && wait !== undefined) {
          const { file, args, options } = wait(command, attempt, call.options)
          return named(command, () => blocking(file, args, options))
        }
        const held = gate.holdSync(attempt, run)
        return held.ran
          ? held.value
          : refused(explained(held.refusal, name, waiting), { name, command, options })
      },
    }[name]
  }
}

/** `(file, args?, options?)`. Read once: what is asked about is what runs. What Node refuses is left as it is. */
function readArgs([file, second, third]: unknown[]): Given {
  if (Array.isArray(second)) return { file, args: Array.from(second, String), options: ownOptions(third) }
  const isLeftOut = second === undefined || second === null
  return typeof second === 'object' || isLeftOut
    ? { file, args: [], options: ownOptions(isLeftOut ? third : second) }
    : { file, args: second, options: ownOptions(third) }
}

/** `(text, options?)`, always by a shell. */
function readText([text, given]: unknown[]): Given {
  const options = ownOptions(given)
  return {
    file: text,
    args: [],
    options: { ...options, shell: typeof options.shell === 'string' ? options.shell : true },
  }
}

const ownOptions = (given: unknown): Options => Object.assign(Object.create(null), given)

/** What decides which program is started; how its streams are read does not. */
const startOptions = ({ cwd, env, argv0, shell, uid, gid, windowsVerbatimArguments }: Options): Options =>
  ({
    __proto__: null,
    cwd,
    env,
    argv0,
    shell,
    uid,
    gid,
    windowsVerbatimArguments,
    stdio: 'ignore',
  }) as Options

function environmentOf({ envPairs }: Command): Record<string, string> {
  const pairs = envPairs.map((pair) => [
    pair.slice(0, pair.indexOf('=', 1)),
    pair.slice(pair.indexOf('=', 1) + 1),
  ])
  return Object.assign(Object.create(null), Object.fromEntries(pairs))
}

/** What stood in for a command that failed is not what failed. */
function named({ args }: Command, run: () => unknown): unknown {
  try {
    return run()
  } catch (error) {
    const { message, stderr } = error as { message: string; stderr?: { toString(): string } | null }
    if (message.startsWith('Command failed: '))
      (error as Error).message = `Command failed: ${args.join(' ')}\n${stderr ?? ''}`
    throw error
  }
}

const explained = (refusal: Refusal, name: string, waiting: string): Refusal => ({
  ...refusal,
  message:
    refusal.code === 'APPROVAL_IMPOSSIBLE'
      ? `${refusal.message} ${name} blocks: call ${waiting}, which waits until people have answered.`
      : refusal.message,
})

interface Failed {
  name: string
  command: Command
  options: Options
}

/** As for a program that cannot be started. */
function failedResult(refusal: Refusal, { name, command: { file, args } }: Failed): object {
  const error = Object.assign(new Error(refusal.message), {
    code: refusal.code,
    refusal,
    syscall: `${name} ${file}`,
    path: file,
    spawnargs: args.slice(1),
  })
  return { error, status: null, signal: null, output: null, pid: 0, stdout: null, stderr: null }
}

/** As for a shell that may not run it: 126, and the reason on standard error. */
function throwFailed(refusal: Refusal, { command: { args }, options: { encoding } }: Failed): never {
  const isText = typeof encoding === 'string' && encoding !== 'buffer'
  const [stdout, stderr] = ['', `${refusal.message}\n`].map((text) => (isText ? text : Buffer.from(text)))
  throw Object.assign(new Error(`Command failed: ${args.join(' ')}\n${refusal.message}`), {
    code: refusal.code,
    refusal,
    status: 126,
    signal: null,
    output: [null, stdout, stderr],
    pid: 0,
    stdout,
    stderr,
  })
}
