import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { HoldpointError } from '#contract'

/** The MCP server, as the gateway's child: nobody else has its pipes. */
export interface ServerProcess {
  stdin: Writable
  stdout: Readable
  /** Resolves when it has ended and all that it wrote has been read. Rejects where it could not be started. */
  ended: Promise<ServerEnd>
  /** Closes its standard input, which asks it to end; insists on it after a while. May be called twice. */
  stop(urgency: 'patient' | 'now'): void
}

export interface ServerEnd {
  /** What to end with ourselves: a signal as shells say it, 128 and its number. */
  exitCode: number
  /** For people. */
  how: string
}

const PATIENCE_MS = 5_000
/** Below what clients give their server, for they would then kill us and not it. */
const KILL_AFTER_MS = 1_500

export function startServer(command: string, args: readonly string[], env: NodeJS.ProcessEnv): ServerProcess {
  const child = spawn(command, args, { env: withoutOurs(env), stdio: ['pipe', 'pipe', 'inherit'] })
  const timers: NodeJS.Timeout[] = []
  const ended = new Promise<ServerEnd>((resolve, reject) => {
    child.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new HoldpointError('UNAVAILABLE', `${command} could not be started: ${cause.code ?? cause.message}`, {
          cause,
        }),
      ),
    )
    child.once('close', (code, signal) => {
      for (const timer of timers) clearTimeout(timer)
      resolve(
        signal === null
          ? { exitCode: code ?? 1, how: `exit code ${code}` }
          : { exitCode: 128 + constants.signals[signal], how: `signal ${signal}` },
      )
    })
  })
  const kill = (signal: NodeJS.Signals, afterMs: number): void =>
    void timers.push(setTimeout(() => child.kill(signal), afterMs).unref())
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    ended,
    stop(urgency) {
      child.stdin.end()
      const afterMs = urgency === 'now' ? 0 : PATIENCE_MS
      kill('SIGTERM', afterMs)
      kill('SIGKILL', afterMs + KILL_AFTER_MS)
    },
  }
}

/** What is the gateway's, its credentials above all, is none of the server's business. */
const withoutOurs = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('HOLDPOINT_')))
