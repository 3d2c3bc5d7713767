import { MESSAGE, pageOf } from './page.ts'
import type { Context, LowServer } from './sdk.ts'

/**
 * For clients of earlier protocols, which cannot be sent away: while their call is held they are shown the page where
 * people judge it. Who declines that has taken the call back; anything else decides nothing.
 */
export function createInformer(server: LowServer, context: Context): Informer {
  const over = new AbortController()
  const declined = new AbortController()
  return {
    declined: declined.signal,
    start({ requestId, expiresAtMs }) {
      const url = pageOf(requestId, server.getClientCapabilities())
      if (url === undefined) return
      const options = {
        signal: over.signal,
        timeout: Math.min(Math.max(expiresAtMs - Date.now(), 1), LONGEST_TIMER_MS),
        relatedRequestId: context.mcpReq === undefined ? context.requestId : context.mcpReq.id,
      }
      const params = { mode: 'url', message: MESSAGE, url, elicitationId: requestId }
      ;(server as unknown as Eliciting).elicitInput(params, options).then(
        ({ action }) => {
          if (action === 'decline' || action === 'cancel') declined.abort()
        },
        // A client that cannot show it waits all the same.
        () => {},
      )
    },
    stop: () => over.abort(),
  }
}

export interface Informer {
  declined: AbortSignal
  start(request: { requestId: string; expiresAtMs: number }): void
  stop(): void
}

interface Eliciting {
  elicitInput(params: object, options: object): Promise<{ action: string }>
}

const LONGEST_TIMER_MS = 2 ** 31 - 1
