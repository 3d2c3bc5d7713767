import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { Gate } from '#gate'
import type { Log } from '#runtime'
import { createLineReader } from './lines.ts'
import type { Pins } from './pins.ts'
import { createRelay } from './relay.ts'
import type { ServerEnd, ServerProcess } from './server-process.ts'
import { createTools } from './tools.ts'

export interface McpGatewayConfig {
  /** What the operator calls the server; policies and pins know it by this. */
  name: string
  /** Random, base64url: tells this gateway's requests from everybody else's. */
  nonce: string
  /** The longest message, of either side. */
  maxMessageBytes: number
  /** How often a client that asked for progress hears of a held call. Preset: 5 s. */
  progressEveryMs?: number
  /** How long the server may take to list its tools for us. Preset: 10 s. */
  listTimeoutMs?: number
}

export interface McpGatewayDeps {
  gate: Pick<Gate, 'ask'>
  pins: Pins
  server: ServerProcess
  client: { stdin: Readable; stdout: Writable }
  log: Pick<Log, 'info' | 'warn'>
  /** Ends it all: what is held is taken back, the server is asked to end. */
  signal: AbortSignal
}

/**
 * Relays between a client and its server until the server has ended, and rules on every `tools/call` on the way.
 * Rejects where the server could not be started.
 */
export async function runMcpGateway(config: McpGatewayConfig, deps: McpGatewayDeps): Promise<ServerEnd> {
  const { server, client, log, signal } = deps
  const toServer = createWriter(server.stdin, client.stdin)
  const toClient = createWriter(client.stdout, server.stdout)
  const warn = (text: string, error?: unknown): void => log.warn(text, error === undefined ? {} : { error })
  const tools = createTools({
    pins: deps.pins,
    send: (message) => toServer(JSON.stringify(message)),
    nonce: config.nonce,
    timeoutMs: config.listTimeoutMs ?? 10_000,
    warn,
  })
  const relay = createRelay({
    gate: deps.gate,
    tools,
    name: config.name,
    nonce: config.nonce,
    toServer,
    toClient,
    progressEveryMs: config.progressEveryMs ?? 5_000,
    warn,
  })

  const maxBytes = config.maxMessageBytes
  const fromClient = createLineReader({
    maxBytes,
    onLine: relay.fromClient,
    onTooLong: () => relay.tooLong(maxBytes),
  })
  const fromServer = createLineReader({
    maxBytes,
    onLine: relay.fromServer,
    onTooLong() {
      // Whose answer that was, nobody can say: whoever waits would wait for ever.
      end(`the server wrote a message longer than ${maxBytes} bytes`)
    },
  })
  let isEnding = false
  function clientGone(): void {
    if (isEnding) return
    isEnding = true
    relay.clientGone()
    server.stop('patient')
  }
  /** The client is still there: it is told, and heard no more. */
  function end(why: string): void {
    isEnding = true
    warn(`ending: ${why}`)
    client.stdin.off('data', fromClient.push)
    relay.stopping(why)
    server.stop('now')
  }
  const onAbort = (): void => end('the gateway was asked to end')

  client.stdin.on('data', fromClient.push)
  client.stdin.once('end', clientGone)
  client.stdin.once('close', clientGone)
  client.stdin.on('error', (error) => warn('the client’s end of the line broke', error))
  client.stdout.on('error', clientGone)
  server.stdout.on('data', fromServer.push)
  server.stdin.on('error', (error) => log.info('the server does not read any more', { error }))
  signal.addEventListener('abort', onAbort)
  if (signal.aborted) onAbort()
  try {
    const ended = await server.ended
    isEnding = true
    relay.serverGone(`the server ended (${ended.how})`)
    // What was held answers once the gate has let go of it.
    await new Promise((resolve) => setImmediate(resolve))
    return ended
  } finally {
    signal.removeEventListener('abort', onAbort)
    client.stdin.pause()
    client.stdin.off('data', fromClient.push)
    if (client.stdout.writableNeedDrain)
      await Promise.race([once(client.stdout, 'drain'), once(client.stdout, 'close')])
  }
}

const NEWLINE = Buffer.from('\n')

/** Writes lines; while they are not taken, no more is read from the other side. */
function createWriter(to: Writable, source: Readable): (line: string | Buffer) => void {
  return (line) => {
    if (to.destroyed || to.writableEnded) return
    const isTaken = to.write(typeof line === 'string' ? `${line}\n` : Buffer.concat([line, NEWLINE]))
    if (isTaken || source.isPaused()) return
    source.pause()
    to.once('drain', () => source.resume())
  }
}
