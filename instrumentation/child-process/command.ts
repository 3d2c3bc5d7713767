import { digestJson } from '#contract'
import type { Gate, GateAttempt } from '#gate'
import { type Foreseen, foresee, strictest } from '../foresee.ts'
import { LOADING, plainWords, readCommand, shellText } from './words.ts'

/** What Node's own normalisation makes of any way to start a process: `ChildProcess.prototype.spawn` is given it. */
export interface Start {
  file: string
  /** With the program's own name for itself in front. */
  args?: string[]
  cwd?: string | null
  /** `NAME=value`; left out, it gets what this process has. */
  envPairs?: string[]
  stdio?: unknown
  detached?: unknown
  uid?: number
  gid?: number
  windowsHide?: unknown
  windowsVerbatimArguments?: unknown
  serialization?: unknown
}

/** One command as it will be executed; nobody else holds any part of it. */
export interface Command extends Start {
  args: string[]
  cwd: string
  envPairs: string[]
}

/**
 * Reads everything once: getters, proxies and objects with a `toString` of their own say something else the second
 * time, and polluted prototypes count as they count for Node. Throws TypeError for what Node would cut off in silence.
 */
export function freezeCommand(given: Start): Command {
  const { file, args = [], cwd, envPairs, stdio, detached, uid, gid } = given
  const { windowsHide, windowsVerbatimArguments, serialization } = given
  const command = {
    __proto__: null,
    file: whole(file),
    args: Array.from(args, whole),
    cwd: cwd === undefined || cwd === null ? ownFolder() : whole(cwd),
    envPairs: envPairs === undefined ? ownEnvironment() : Array.from(envPairs, whole),
    stdio,
    detached,
    uid,
    gid,
    windowsHide,
    windowsVerbatimArguments,
    serialization,
  }
  return command as unknown as Command
}

function whole(part: unknown): string {
  const text = String(part)
  if (text.includes('\0'))
    throw new TypeError('A command must not contain null bytes: what stands behind one is cut off.')
  return text
}

/** A process may stand in a folder that has been removed. */
function ownFolder(): string {
  try {
    return process.cwd()
  } catch {
    return '.'
  }
}

const ownEnvironment = (): string[] => Object.entries(process.env).map(([name, value]) => `${name}=${value}`)

/** What policy says of it now, and as what it is asked about. */
export function ruleCommand(gate: Gate, command: Command): { attempt: GateAttempt; foreseen: Foreseen } {
  const { file, args } = command
  const given = args.slice(1)
  const { name, doubt } = readCommand(file, given)
  const doubts = doubt === undefined ? [] : [doubt]
  const text = shellText(file, given)
  const said = text === undefined ? undefined : plainWords(text)
  if (text !== undefined && said === undefined) doubts.push('A shell makes its command of a text.')
  doubts.push(...circumstances(command))
  const attempt = attemptOf(name, command, doubts)
  if (said !== undefined) {
    const foreseen = foreseeSaid(gate, said, command)
    if (foreseen.foreseen === 'refuse') return foreseen
    if (foreseen.foreseen === 'ask')
      return {
        attempt: attemptOf(name, command, [...doubts, `It has a shell run ${said.join(' ')}.`]),
        foreseen: 'ask',
      }
  }
  // `/tmp/git` is called git and may be anything: a rule for git does not release it, and one against git holds it.
  return file.includes('/') && !isShell(file)
    ? strictest(gate, [{ ...attempt, name: [file, ...name.split(' ').slice(1)].join(' ') }, attempt])
    : { attempt, foreseen: foresee(gate, attempt) }
}

/** Those that Node itself starts by their paths. */
const isShell = (file: string): boolean => file === '/bin/sh' || file === process.execPath

/** What a shell is plainly told to run counts as well, so that a rule for it cannot be talked around. */
function foreseeSaid(gate: Gate, [file, ...given]: [string, ...string[]], { cwd }: Command) {
  const { name, doubt } = readCommand(file, given)
  const attempt: GateAttempt = {
    kind: 'process',
    name,
    target: cwd,
    arguments: [file, ...given],
    ...(doubt === undefined ? {} : { doubt }),
  }
  return { attempt, foreseen: foresee(gate, attempt) }
}

function* circumstances({ file, args: [called], uid, gid, envPairs }: Command): Generator<string> {
  if (uid !== undefined && uid !== null) yield `It runs as user ${uid}.`
  if (gid !== undefined && gid !== null) yield `It runs as group ${gid}.`
  if (called !== undefined && called !== file) yield `It is told that its own name is ${called}.`
  const names = envPairs
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)] as const)
    .filter(([name, value]) => LOADING.test(name) && process.env[name] !== value)
    .map(([name]) => name)
  if (names.length > 0) yield `It gets another ${names.join(', ')} than this process has.`
}

/** The working folder is where it acts, for people and for policy. */
function attemptOf(name: string, { file, args, cwd }: Command, doubts: readonly string[]): GateAttempt {
  return {
    kind: 'process',
    name: name.slice(0, MAX_NAME),
    ...(cwd.length > MAX_TARGET ? {} : { target: cwd }),
    arguments: [file, ...args.slice(1)],
    ...(doubts.length === 0 ? {} : { doubt: doubts.join(' ').slice(0, MAX_TARGET) }),
  }
}

const MAX_NAME = 500
const MAX_TARGET = 2_000

/** Taken only for what is asked about. The folder is bound by its path, the environment by all its pairs. */
export const bound = (attempt: GateAttempt, { cwd, envPairs }: Command): GateAttempt => ({
  ...attempt,
  bindings: { cwdDigest: digestJson(cwd), envDigest: digestJson([...envPairs].sort()) },
})
