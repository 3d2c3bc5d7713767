import { PassThrough, Readable } from 'node:stream'
import type { Io } from '#runtime'

export interface FakeIo extends Io {
  /** All that was written so far. */
  out(): string
  err(): string
  stop(): void
}

/** What a command sees of its process, without one. */
export function createFakeIo(
  given: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string; nowMs?: number } = {},
): FakeIo {
  const stdout = new PassThrough()
  const stderr = new PassThrough()
  const written = { out: '', err: '' }
  stdout.on('data', (chunk) => {
    written.out += chunk
  })
  stderr.on('data', (chunk) => {
    written.err += chunk
  })
  const stop = new AbortController()
  return {
    stdout,
    stderr,
    stdin: Readable.from([given.input ?? '']),
    env: given.env ?? {},
    cwd: given.cwd ?? '/',
    now: () => given.nowMs ?? 0,
    signal: stop.signal,
    out: () => written.out,
    err: () => written.err,
    stop: () => stop.abort(),
  }
}
