import type { Socket } from 'node:net'
import type { Gate, GateAttempt } from '#gate'
import { ownFile } from '../own-files.ts'
import { bound, type Command, type Start } from './command.ts'
import { type End, failureIn } from './program.ts'

/** Node's own `ChildProcess`, with the members that it does not publish. */
export interface Child {
  pid?: number
  spawnfile: string
  spawnargs: string[]
  stdio: unknown[]
  _handle: { onexit?: (code: number, signal: NodeJS.Signals) => void } | null
}
export type Spawn = (this: Child, start: Start) => number

const FLAGS = ['--disable-warning=ExperimentalWarning', '--disable-sigusr1']

/** Node's word to its child that there is a channel; it is the command's, and the shim must not take it. */
const CHANNEL = /^NODE_CHANNEL_(FD|SERIALIZATION_MODE)=/

/**
 * `spawn` returns at once, so a shim takes the command's place and waits. Only when the action is released is it told
 * what to become; whatever ends it before that cancels the request.
 */
export function spawnHeld(
  child: Child,
  command: Command,
  attempt: GateAttempt,
  gate: Gate,
  spawn: Spawn,
): number {
  // An empty environment: what the command gets may have Node load foreign code. The first of two entries counts.
  const envPairs = ['NODE_CHANNEL_FD=', ...shimEnvironment()]
  const stdio = streamsOf(command.stdio)
  const fd = stdio.length
  const way = fd === 3 && !stdio.includes('ipc') ? 'become' : 'beside'
  const args = [process.execPath, ...FLAGS, ownFile('child-process/shim'), String(fd), way]
  const error = spawn.call(child, {
    ...command,
    file: process.execPath,
    args,
    envPairs,
    stdio: [...stdio, 'pipe'],
    windowsVerbatimArguments: false,
  })
  child.spawnfile = command.file
  // A copy: whoever holds the child may write into it.
  child.spawnargs = [...command.args]
  // The program must not find the pipe that releases its own command.
  const control = child.stdio?.pop() as Socket | undefined | null
  const handle = child._handle
  if (error !== 0 || !control || !handle) return error

  const channel = envPairs.slice(1).filter((pair) => CHANNEL.test(pair))
  control.on('error', () => {})
  control.unref()
  let runsBeside: number | undefined
  control.on('data', (pid: Buffer) => {
    runsBeside = Number(pid.toString())
  })

  const gone = new AbortController()
  const ended = Promise.withResolvers<End>()
  const { onexit } = handle
  handle.onexit = function (this: unknown, code, signal) {
    if (signal === 'SIGKILL' && runsBeside !== undefined) killBeside(runsBeside)
    gone.abort()
    ended.resolve({ code, signal })
    return onexit?.call(this, code, signal)
  }
  const { file, args: become } = command
  const held = gate.hold<End>(
    { ...bound(attempt, command), signal: gone.signal, failureIn: (end) => failureIn(end as End) },
    () => {
      control.end(
        `${JSON.stringify({ file, args: become.length > 0 ? become : [file], envPairs: [...command.envPairs, ...channel] })}\n`,
      )
      return ended.promise
    },
  )
  void held.then((answer) => {
    if (!answer.ran) control.end(`${JSON.stringify({ refused: answer.refusal.message })}\n`)
  })
  return error
}

/** Windows cannot start a program without these. */
const shimEnvironment = (): string[] =>
  ['SystemRoot', 'SYSTEMDRIVE'].flatMap((name) =>
    process.platform === 'win32' && process.env[name] !== undefined ? [`${name}=${process.env[name]}`] : [],
  )

/** As Node reads it, but always a list; what Node refuses is left to Node. */
function streamsOf(given: unknown): unknown[] {
  const stdio: unknown[] = Array.isArray(given) ? [...given] : Array(3).fill(given || 'pipe')
  while (stdio.length < 3) stdio.push(undefined)
  return stdio
}

function killBeside(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is over.
  }
}
