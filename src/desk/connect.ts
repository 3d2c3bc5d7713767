import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { HoldpointError, inboxPrefix } from '#contract'

/** Connects with a desk's or a channel's credentials; they allow nothing but to ask the broker and to watch. */
export async function connectDesk(
  url: string,
  credentials: string,
  role: 'desk' | 'channel' = 'desk',
): Promise<NatsConnection> {
  try {
    return await connect({
      servers: url,
      authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
      inboxPrefix: inboxPrefix(role),
      name: role,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 500,
      // Two refusals, even days apart, would end it for good, and a server that is too busy to hear us out refuses us.
      ignoreAuthErrorAbort: true,
    })
  } catch (cause) {
    throw new HoldpointError('UNAVAILABLE', `NATS at ${url} cannot be reached`, { cause, retryable: true })
  }
}
