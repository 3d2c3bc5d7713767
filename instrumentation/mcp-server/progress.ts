import type { RequestFacts } from './sdk.ts'

const EVERY_MS = 5_000

/**
 * Tells a client that asked for progress that its call is alive while people decide: a timeout that progress resets does
 * not fire (MCP, progress). Whoever asked for none is told nothing.
 */
export function createProgress({ progressToken, notify }: RequestFacts): { start(): void; stop(): void } {
  let timer: NodeJS.Timeout | undefined
  let told = 0
  const tell = (): void => {
    told++
    // It has to grow, and to stay below what the tool itself will report.
    const params = { progressToken, progress: told / 1_000_000, message: 'waiting for approval' }
    // Whoever hangs up meanwhile is known by the signal.
    notify({ method: 'notifications/progress', params }).catch(() => {})
  }
  return {
    start() {
      if (progressToken === undefined) return
      tell()
      timer = setInterval(tell, EVERY_MS).unref()
    },
    stop: () => clearInterval(timer),
  }
}
