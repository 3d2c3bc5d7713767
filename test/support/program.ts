import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Finished {
  code: number | null
  stdout: string
  stderr: string
}

export interface Running {
  child: ChildProcess
  stdout(): string
  stderr(): string
  /** Resolves when standard output or error has it; rejects when the process ends before. */
  said(text: string): Promise<void>
  finished: Promise<Finished>
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/** One of the project's programs as a process of its own; `gated` starts it with `--import …/register`. */
export function startProgram(
  file: string,
  args: readonly string[],
  options: { cwd: string; env?: Record<string, string>; gated?: boolean },
): Running {
  const register = options.gated ? ['--import', `${ROOT}instrumentation/register.ts`] : []
  const child = spawn(process.execPath, [...register, `${ROOT}${file}`, ...args], {
    cwd: options.cwd,
    env: { ...withoutOurs(process.env), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  const look = new Set<() => void>()
  const listen = (stream: NodeJS.ReadableStream | null, add: (text: string) => void): void => {
    stream?.setEncoding('utf8')
    stream?.on('data', (text: string) => {
      add(text)
      for (const one of look) one()
    })
  }
  listen(child.stdout, (text) => {
    stdout += text
  })
  listen(child.stderr, (text) => {
    stderr += text
  })
  const finished = new Promise<Finished>((resolve) =>
    child.once('close', (code) => resolve({ code, stdout, stderr })),
  )
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    said: (text) =>
      new Promise((resolve, reject) => {
        const check = (): void => {
          if (!stdout.includes(text) && !stderr.includes(text)) return
          look.delete(check)
          resolve()
        }
        look.add(check)
        check()
        void finished.then(() => reject(new Error(`ended without saying "${text}":\n${stdout}\n${stderr}`)))
      }),
    finished,
  }
}

/** What the developer's shell has configured must not reach into a test. */
export const withoutOurs = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(
      ([name]) =>
        !/^(HOLDPOINT|OTEL)_/.test(name) || ['HOLDPOINT_NATS_SERVER', 'HOLDPOINT_CACHE'].includes(name),
    ),
  )
