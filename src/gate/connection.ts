import type { connect, NatsConnection } from '@nats-io/transport-node'
import { diag } from '@opentelemetry/api'
import {
  type AgentCall,
  agentHints,
  agentSubject,
  decodeReply,
  encodeMessage,
  HoldpointError,
  inboxPrefix,
  type JsonValue,
  parseJson,
} from '#contract'
import { dialed } from './dial.ts'
import { letProcessEnd } from './let-process-end.ts'
import { pause, remember } from './pause.ts'

export type Connect = typeof connect

/** The agent's line to the broker: made in the background, and made again for ever. */
export interface Connection {
  start(): void
  stop(): Promise<void>
  /**
   * Asks until there is an answer, connecting again meanwhile; everything asked is safe to ask twice.
   * Throws the error that the broker answers with, or BROKER_UNAVAILABLE after `timeoutMs`.
   */
  call(name: AgentCall, body: object, timeoutMs: number): Promise<JsonValue>
  isUp(): boolean
  /** Drops a line over which nothing comes back; the next one is made at once. */
  renew(): void
}

interface ConnectionConfig {
  natsUrl: string
  credentials: string
  agentId: string
  requestTimeoutMs?: number
}

interface ConnectionDeps {
  connect?: Connect | undefined
  onUp(): void
  onHint(text: string): void
}

const DIAL_TIMEOUT_MS = 5_000
const FIRST_RETRY_MS = 100
const LAST_RETRY_MS = 5_000
const ASK_AGAIN_MS = 100
/** One try; a question that takes longer is asked again, so that a lost answer costs no more than this. */
const TRY_MS = 2_000

export function createConnection(config: ConnectionConfig, deps: ConnectionDeps): Connection {
  const { agentId } = config
  const up = remember<NatsConnection>()
  const stopping = new AbortController()

  /** Own loop instead of the client's: it must not keep a finished process alive between two tries. */
  async function keepConnected(): Promise<void> {
    let retryMs = FIRST_RETRY_MS
    while (!stopping.signal.aborted) {
      try {
        // As much code as a small framework: it is loaded beside the program's start, not before it.
        const nats = await import('@nats-io/transport-node')
        const dial = deps.connect ?? nats.connect
        const nc = await dialed(() => dial(optionsOf(config, nats)))
        retryMs = FIRST_RETRY_MS
        await serve(nc)
      } catch (error) {
        diag.warn('holdpoint: the approval broker cannot be reached; sensitive actions are refused', error)
      }
      up.forget()
      await pause(retryMs, { signal: stopping.signal })
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
    }
  }

  async function serve(nc: NatsConnection): Promise<void> {
    letProcessEnd(nc)
    nc.subscribe(agentHints(agentId), {
      callback: (error, message) => {
        if (error === null) deps.onHint(message.string())
      },
    })
    up.set(nc)
    if (stopping.signal.aborted) await nc.close()
    else deps.onUp()
    const reason = await nc.closed()
    if (!stopping.signal.aborted) diag.warn('holdpoint: the line to the approval broker was lost', reason)
  }

  async function call(name: AgentCall, body: object, timeoutMs: number): Promise<JsonValue> {
    const data = encodeMessage(body)
    const endsAt = performance.now() + timeoutMs
    for (let cause: unknown; ; ) {
      const leftMs = endsAt - performance.now()
      const nc = leftMs > 0 ? (up.get() ?? (await up.soon(leftMs, stopping.signal))) : undefined
      if (nc === undefined)
        throw isTooMany(cause) ? cause : new HoldpointError('BROKER_UNAVAILABLE', undefined, { cause })
      checkSize(nc, data)
      try {
        const timeout = Math.max(1, Math.min(endsAt - performance.now(), TRY_MS))
        const reply = await nc.request(agentSubject(agentId, name), data, { timeout })
        return readAnswer(reply.string(), name)
      } catch (error) {
        // It was not looked at; all others are answers.
        if (error instanceof HoldpointError && !isTooMany(error)) throw error
        // The last try may have had no time left: what the broker said before it says more.
        if (!isTooMany(cause)) cause = error
        await pause(Math.max(0, Math.min(ASK_AGAIN_MS, endsAt - performance.now())), { keepAlive: true })
      }
    }
  }

  return {
    start() {
      void keepConnected()
    },
    async stop() {
      stopping.abort()
      await up.get()?.close()
    },
    call,
    isUp: () => up.get() !== undefined,
    renew() {
      void up.get()?.close()
    },
  }
}

const isTooMany = (error: unknown): boolean => error instanceof HoldpointError && error.code === 'TOO_MANY'

const optionsOf = (
  { natsUrl, credentials, agentId, requestTimeoutMs }: ConnectionConfig,
  { credsAuthenticator }: Nats,
) => ({
  servers: natsUrl.split(',').map((one) => one.trim()),
  authenticator: credsAuthenticator(new TextEncoder().encode(credentials)),
  inboxPrefix: inboxPrefix(agentId),
  name: `holdpoint gate ${agentId}`,
  reconnect: false,
  timeout: requestTimeoutMs ?? DIAL_TIMEOUT_MS,
})

type Nats = Pick<typeof import('@nats-io/transport-node'), 'credsAuthenticator'>

function checkSize(nc: NatsConnection, data: string): void {
  const most = nc.info?.max_payload ?? Number.POSITIVE_INFINITY
  const bytes = Buffer.byteLength(data)
  if (bytes > most)
    throw new HoldpointError(
      'PAYLOAD_TOO_LARGE',
      `The action takes ${bytes} bytes, and no more than ${most} can be sent.`,
    )
}

/** The error that the broker answers with is thrown; what is no JSON was no answer of a broker. */
function readAnswer(text: string, name: AgentCall): JsonValue {
  try {
    parseJson(text)
  } catch (cause) {
    throw new HoldpointError('BROKER_UNAVAILABLE', `The broker's answer to ${name} cannot be read.`, {
      cause,
    })
  }
  return decodeReply(text)
}
