import type { Io } from '#runtime'

/** This process as a command sees it. The first signal asks for an orderly stop, a second one ends at once. */
export function createProcessIo(): Io {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(1)
      stop.abort(new Error(`stopped by ${signal}`))
    })
  // A reader that has seen enough (`holdpoint … | head`) is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
  return {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    now: Date.now,
    signal: stop.signal,
  }
}
