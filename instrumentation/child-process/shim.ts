/**
 * Stands in for a command that is held: it has the command's pid, folder, streams and process group, and nothing else of
 * it. What to become stands in one line on a private pipe from the gate; where that ends before there is a whole line,
 * the gate's process is gone, and nothing runs.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants, readSync, statSync, writeSync } from 'node:fs'
import { constants as os } from 'node:os'
import { delimiter, join } from 'node:path'

/** As shells do: refused or not executable, and not found. */
const REFUSED = 126
const NOT_FOUND = 127

/** What is passed on to a command that runs beside the shim. */
const PASSED = (
  process.platform === 'win32'
    ? ['SIGINT', 'SIGBREAK', 'SIGHUP', 'SIGTERM']
    : ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2', 'SIGCONT', 'SIGALRM', 'SIGWINCH']
) as NodeJS.Signals[]

const [, , fd = '', way] = process.argv
const go = readLine(Number(fd))
if (go === undefined) process.exit(REFUSED)
const told = JSON.parse(go) as { refused: string } | Go
if ('refused' in told) stop(told.refused, REFUSED)
else if (way === 'become' && process.execve !== undefined) become(told, process.execve)
else runBeside(told)

interface Go {
  file: string
  args: string[]
  envPairs: string[]
}

function readLine(from: number): string | undefined {
  const chunks: Buffer[] = []
  const chunk = Buffer.alloc(65_536)
  for (;;) {
    const length = readSync(from, chunk)
    if (length === 0) return undefined
    chunks.push(Buffer.from(chunk.subarray(0, length)))
    if (chunk[length - 1] === 10) return Buffer.concat(chunks).toString()
  }
}

/** The same process from here on: its pid, its parent, its streams; exactly these arguments and this environment. */
function become({ file, args, envPairs }: Go, execve: NonNullable<typeof process.execve>): void {
  // Node ignores these two, and what is ignored stays so for what a process becomes.
  for (const signal of ['SIGPIPE', 'SIGXFSZ'] as const) {
    const listener = () => {}
    process.on(signal, listener)
    process.off(signal, listener)
  }
  const env = environmentOf(envPairs)
  const path = find(file, env.PATH)
  try {
    execve(path, args, env)
  } catch (error) {
    // A script without a first line that names its interpreter: execvp(3) has the shell run it.
    if ((error as NodeJS.ErrnoException).code !== 'ENOEXEC')
      stop(`${file}: ${(error as Error).message}`, REFUSED)
    execve('/bin/sh', ['/bin/sh', path, ...args.slice(1)], env)
  }
}

/** As execvp(3) looks for it, in the PATH that the command gets. */
function find(file: string, path = '/usr/bin:/bin'): string {
  if (file.includes('/')) return file
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder === '' ? '.' : folder, file)
    try {
      accessSync(candidate, constants.X_OK)
      if (statSync(candidate).isFile()) return candidate
    } catch {
      // It is not in this one.
    }
  }
  return stop(`${file}: not found`, NOT_FOUND)
}

/** Where more than three streams, or a channel between two Nodes, are to be passed on: execve would close them. */
function runBeside({ file, args: [argv0, ...args], envPairs }: Go): void {
  // Before it is started: a signal in between would end the shim alone.
  const passOn = (signal: NodeJS.Signals) => void child.kill(signal)
  for (const signal of PASSED) process.on(signal, passOn)
  const child = spawn(file, args, {
    ...(argv0 === undefined ? {} : { argv0 }),
    env: environmentOf(envPairs),
    stdio: Array.from({ length: Number(fd) }, () => 'inherit' as const),
    windowsHide: true,
  })
  // SIGKILL cannot be passed on from here: the gate's process does it, and must know whom to.
  if (child.pid !== undefined) say(Number(fd), String(child.pid))
  child.on('error', ({ code, message }: NodeJS.ErrnoException) =>
    stop(`${file}: ${message}`, code === 'ENOENT' ? NOT_FOUND : REFUSED),
  )
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 0)
    for (const one of PASSED) process.off(one, passOn)
    process.kill(process.pid, signal)
    // Not every signal ends a process.
    setTimeout(() => process.exit(128 + (os.signals[signal] ?? 0)), 1_000)
  })
}

/** The first of two of one name counts, as for getenv(3). */
function environmentOf(pairs: readonly string[]): NodeJS.ProcessEnv {
  const env = Object.create(null) as NodeJS.ProcessEnv
  for (const pair of pairs) {
    const at = pair.indexOf('=', 1)
    if (at > 0 && !(pair.slice(0, at) in env)) env[pair.slice(0, at)] = pair.slice(at + 1)
  }
  return env
}

function stop(message: string, code: number): never {
  say(2, message)
  process.exit(code)
}

function say(to: number, message: string): void {
  try {
    writeSync(to, `${message}\n`)
  } catch {
    // Nobody reads it any more.
  }
}
