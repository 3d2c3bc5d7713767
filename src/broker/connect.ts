import { connect, credsAuthenticator, type NatsConnection } from '@nats-io/transport-node'
import { HoldpointError, inboxPrefix } from '#contract'
import type { Role } from './enrolment/roles.ts'

/** Connects as one of the house's own roles, each with its own inbox. It reconnects for as long as it is open. */
export async function connectAs(
  role: Exclude<Role, 'agent'>,
  url: string,
  credentials: string,
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
      // Every request would take a stack trace with it, for errors that name their subject anyway.
      noAsyncTraces: true,
    })
  } catch (cause) {
    throw new HoldpointError(
      'UNAVAILABLE',
      `NATS at ${url} cannot be reached as ${role}: ${(cause as Error).message}`,
      {
        cause,
        retryable: true,
      },
    )
  }
}
