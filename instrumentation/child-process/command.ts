import { digestJson } from '#contract'
import type { Gate, GateAttempt } from '#gate'
import { type Foreseen, strictest } from '../foresee.ts'
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

/** Getters say something else the second time; polluted prototypes count as they count for Node. */
export function readOnce(given: Start): Start {
  const { file, args, cwd, envPairs, stdio, detached, uid, gid } = given
  const { windowsHide, windowsVerbatimArguments, serialization } = given
  const streams = { stdio, detached, windowsHide, windowsVerbatimArguments, serialization }
  return Object.assign(Object.create(null), { file, args, cwd, envPairs, uid, gid, ...streams })
}

/** Copies everything, each part once, as text. Throws TypeError for what Node would cut off in silence. */
export function freezeCommand(start: Start): Command {
  const { file, args = [], cwd, envPairs } = start
  return Object.assign(Object.create(null), start, {
    file: whole(file),
    args: Array.from(args, whole),
    cwd: cwd === undefined || cwd === null ? ownFolder() : whole(cwd),
    envPairs: envPairs === undefined ? ownEnvironment() : Array.from(envPairs, whole),
  })
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
  const { file, args, cwd } = command
  const given = args.slice(1)
  const { name, doubt } = readCommand(file, given)
  const doubts = [...(doubt === undefined ? [] : [doubt]), ...circumstances(command)]
  const text = shellText(file, given)
  const said = text === undefined ? undefined : plainWords(text)
  if (said !== undefined) {
    const plainly = readCommand(said[0], said.slice(1))
    const found = strictest(gate, [attemptOf(plainly.name, cwd, said)], plainly.doubt)
    if (found.foreseen === 'refuse') return found
    // Asked about is what is executed: the shell, with its text.
    if (found.foreseen === 'ask') doubts.push(`It has a shell run ${said.join(' ')}.`)
  } else if (text !== undefined) doubts.push('A shell makes its command of a text.')
  const attempt = attemptOf(name, cwd, [file, ...given])
  // `/tmp/git` is called git and may be anything: a rule for git does not release it, and one against git holds it.
  const byPath = { ...attempt, name: [file, ...name.split(' ').slice(1)].join(' ').slice(0, MAX_NAME) }
  const names: [GateAttempt, ...GateAttempt[]] =
    file.includes('/') && !isNodesOwn(file) ? [attempt, byPath] : [attempt]
  return strictest(gate, names, doubts.length === 0 ? undefined : doubts.join(' ').slice(0, MAX_TARGET))
}

/** Those that Node itself starts by their paths. */
const isNodesOwn = (file: string): boolean => file === '/bin/sh' || file === process.execPath

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
const attemptOf = (name: string, cwd: string, argv: string[]): GateAttempt => ({
  kind: 'process',
  name: name.slice(0, MAX_NAME),
  ...(cwd.length > MAX_TARGET ? {} : { target: cwd }),
  arguments: argv,
})

const MAX_NAME = 500
const MAX_TARGET = 2_000

/** Taken only for what is asked about. The folder is bound by its path, the environment by all its pairs. */
export const bound = (attempt: GateAttempt, { cwd, envPairs }: Command): GateAttempt => ({
  ...attempt,
  bindings: { cwdDigest: digestJson(cwd), envDigest: digestJson([...envPairs].sort()) },
})
