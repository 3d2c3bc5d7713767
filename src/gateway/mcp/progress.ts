import type { JsonValue } from '#contract'
import type { JsonObject } from './message.ts'

interface Held {
  requestId: string
  expiresAtMs: number
  everyMs: number
  notify(message: JsonObject): void
}

/**
 * Tells the client that its call is alive while people decide, so that a timeout which progress resets does not fire.
 * Only who asked for progress by a token is told any (MCP, progress).
 */
export function startProgress(token: JsonValue | undefined, held: Held): { stop(): void } {
  if (typeof token !== 'string' && typeof token !== 'number') return { stop() {} }
  const until = new Date(held.expiresAtMs).toISOString().slice(0, 19)
  const message = `Waiting for a person to release this call (request ${held.requestId}, until ${until}Z)`
  let told = 0
  const tell = (): void => {
    told++
    // It has to grow, and to stay below what the server itself will report once the call runs.
    const progress = told / 1_000_000
    held.notify({
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: token, progress, message },
    })
  }
  tell()
  const timer = setInterval(tell, held.everyMs)
  return { stop: () => clearInterval(timer) }
}
