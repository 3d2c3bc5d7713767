/**
 * Stands in for a command that is held: it has the command's pid, folder, streams and process group, and nothing else of
 * it. What to become stands in one line on a private pipe from the gate; where that ends before there is a whole line,
 * the gate's process is gone, and nothing runs.
 */
import { accessSync, constants, readSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { endAs, environmentOf, NOT_FOUND, type Program, REFUSED, runBeside, say } from './program.ts'

const [, , fd = '', way] = process.argv
const go = readLine(Number(fd))
if (go === undefined) process.exit(REFUSED)
const told = JSON.parse(go) as { refused: string } | Program
if ('refused' in told) stop(told.refused, REFUSED)
else if (way === 'become' && process.execve !== undefined) become(told, process.execve)
// Where more than three streams, or a channel between two Nodes, are to be passed on, execve would close them.
else
  runBeside(told, Number(fd), {
    // SIGKILL cannot be passed on from here: the gate's process does it, and must know whom to.
    onStart: (pid) => say(Number(fd), String(pid)),
    onFailure: stop,
    onEnd: ({ code, signal }) => endAs(code, signal),
  })

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
function become({ file, args, envPairs }: Program, execve: NonNullable<typeof process.execve>): void {
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

function stop(message: string, code: number): never {
  say(2, message)
  process.exit(code)
}
