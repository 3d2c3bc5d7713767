import type { Gate } from '#gate'
import type { Tracing } from './tracing.ts'

const WITHIN_MS = 3_000

/**
 * Outcomes and spans leave before the process does. How and when it ends stays the application's affair: a signal
 * that it handles is left to it, one that nobody handles ends the process as it would have.
 */
export function finishAtProcessEnd(gate: Gate, tracing: Tracing): void {
  const flush = () => within(Promise.allSettled([gate.flush(WITHIN_MS), tracing.flush()]))

  process.once('beforeExit', flush)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const onSignal = async () => {
      process.off(signal, onSignal)
      // The application has a handler of its own, and may still have work for the gate.
      if (process.listenerCount(signal) > 0) return void flush()
      await within(gate.stop())
      await within(tracing.flush())
      process.kill(process.pid, signal)
    }
    process.on(signal, onSignal)
  }
}

function within(work: Promise<unknown>): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, WITHIN_MS)
  })
  return Promise.race([work.catch(() => {}), tooLate]).finally(() => clearTimeout(timer))
}
