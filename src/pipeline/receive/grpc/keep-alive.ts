import type { ServerHttp2Session } from 'node:http2'

/** The defaults of gRPC servers, and so of the Collector's receivers. */
const PING_EVERY_MS = 2 * 3_600_000
const PING_WITHIN_MS = 20_000

/**
 * Ends a connection whose other end is gone, or never spoke HTTP/2. Senders may ping as often as they like: Node
 * answers, and ends floods.
 */
export function keepAlive(
  session: ServerHttp2Session,
  { settingsWithinMs }: { settingsWithinMs: number },
): void {
  const silent = setTimeout(() => session.destroy(), settingsWithinMs)
  session.once('remoteSettings', () => clearTimeout(silent))

  let unanswered: NodeJS.Timeout | undefined
  const pinging = setInterval(() => {
    unanswered = setTimeout(() => session.destroy(), PING_WITHIN_MS)
    session.ping(() => clearTimeout(unanswered))
  }, PING_EVERY_MS)
  pinging.unref()

  session.once('close', () => {
    clearTimeout(silent)
    clearInterval(pinging)
    clearTimeout(unanswered)
  })
}
