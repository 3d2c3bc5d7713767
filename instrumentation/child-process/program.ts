import { spawn } from 'node:child_process'
import { writeSync } from 'node:fs'
import { constants } from 'node:os'

/** What a process that stands in for a program needs to know of it. */
export interface Program {
  file: string
  /** With its own name for itself in front. */
  args: string[]
  envPairs: string[]
  uid?: number
  gid?: number
}

export interface End {
  code: number | null
  signal: NodeJS.Signals | null
}

/** How it has failed, if it has: `exit_2`, `SIGTERM`. */
export const failureIn = ({ code, signal }: End): string | undefined =>
  signal ? signal : code === 0 ? undefined : `exit_${code}`

/** As shells do: refused or not executable, and not found. */
export const REFUSED = 126
export const NOT_FOUND = 127

/** What is passed on to a program that runs beside. */
export const PASSED = (
  process.platform === 'win32'
    ? ['SIGINT', 'SIGBREAK', 'SIGHUP', 'SIGTERM']
    : ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGALRM', 'SIGWINCH']
) as NodeJS.Signals[]

interface Beside {
  onStart?(pid: number): void
  onFailure(message: string, code: number): void
  onEnd(end: End): void
}

/** Runs it as a child, which inherits the first `streams` streams and gets every signal that can be passed on. */
export function runBeside(program: Program, streams: number, { onStart, onFailure, onEnd }: Beside): void {
  const {
    file,
    args: [argv0, ...args],
    envPairs,
    uid,
    gid,
  } = program
  // Before it is started: a signal in between would end this process alone.
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal)
  for (const signal of PASSED) process.on(signal, passOn)
  const child = spawn(file, args, {
    ...(argv0 === undefined ? {} : { argv0 }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
    env: environmentOf(envPairs),
    stdio: Array.from({ length: streams }, () => 'inherit' as const),
    windowsHide: true,
  })
  if (child.pid !== undefined) onStart?.(child.pid)
  child.on('error', ({ code, message }: NodeJS.ErrnoException) =>
    onFailure(`${file}: ${message}`, code === 'ENOENT' ? NOT_FOUND : REFUSED),
  )
  child.on('exit', (code, signal) => {
    for (const one of PASSED) process.off(one, passOn)
    onEnd({ code, signal })
  })
}

/** Ends this process as the other has ended. */
export function endAs(code: number | null, signal: NodeJS.Signals | null): void {
  if (signal === null) process.exit(code ?? 0)
  process.kill(process.pid, signal)
  // Not every signal ends a process.
  setTimeout(() => process.exit(128 + (constants.signals[signal] ?? 0)), 1_000)
}

/** The first of two of one name counts, as for getenv(3). */
export function environmentOf(pairs: readonly string[]): NodeJS.ProcessEnv {
  const env = Object.create(null) as NodeJS.ProcessEnv
  for (const pair of pairs) {
    const at = pair.indexOf('=', 1)
    if (at > 0 && !(pair.slice(0, at) in env)) env[pair.slice(0, at)] = pair.slice(at + 1)
  }
  return env
}

export function say(to: number, message: string): void {
  try {
    writeSync(to, `${message}\n`)
  } catch {
    // Nobody reads it any more.
  }
}
