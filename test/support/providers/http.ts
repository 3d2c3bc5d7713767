import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One call of a provider's HTTP interface, as it came. */
export interface ProviderCall {
  path: string
  headers: IncomingMessage['headers']
  body: Record<string, unknown>
}

/** JSON, or a stream of server-sent events; `event` is the line of that name, where the provider writes one. */
export type ProviderReply = { status: number; json: object } | { events: Iterable<ServerSentEvent> }
export interface ServerSentEvent {
  event?: string
  data: object | string
}

/** What the model says next: text, or calls of tools, or both. */
export interface ModelAnswer {
  text?: string
  calls?: readonly { id: string; name: string; arguments: unknown }[]
  /** MCP tools that the provider would call itself, once it may. */
  mcp?: readonly { id: string; server_label: string; name: string; arguments: unknown }[]
}

export interface ProviderFake {
  /** Without a path; known once it is started. */
  readonly url: string
  readonly calls: ProviderCall[]
  /** What the model says, in this order; asked for more, the provider fails. */
  script(...answers: ModelAnswer[]): void
  start(): Promise<void>
  stop(): Promise<void>
}

/** Thrown by a provider's own rules; its `body` is what the real one writes. */
export class Refused extends Error {
  readonly status: number
  readonly body: object
  constructor(status: number, body: object) {
    super(JSON.stringify(body))
    this.status = status
    this.body = body
  }
}

type Answer = (call: ProviderCall, next: () => ModelAnswer) => ProviderReply

/** A provider on loopback. Only a request that its rules accept takes an answer off the script. */
export function createProvider(answer: Answer, unscripted: (text: string) => Refused): ProviderFake {
  const script: ModelAnswer[] = []
  const calls: ProviderCall[] = []
  const next = (): ModelAnswer => {
    const said = script.shift()
    if (said === undefined) throw unscripted('The script has no more answers.')
    return said
  }
  const replyTo = (call: ProviderCall): ProviderReply => {
    try {
      return answer(call, next)
    } catch (error) {
      if (error instanceof Refused) return { status: error.status, json: error.body }
      throw error
    }
  }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const text = Buffer.concat(chunks).toString()
    const path = new URL(request.url ?? '/', 'http://any').pathname
    const call = { path, headers: request.headers, body: text === '' ? {} : JSON.parse(text) }
    calls.push(call)
    const reply = replyTo(call)
    if ('json' in reply) {
      response.writeHead(reply.status, { 'content-type': 'application/json', 'request-id': 'req_test' })
      return void response.end(JSON.stringify(reply.json))
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'request-id': 'req_test' })
    for (const { event, data } of reply.events) {
      const line = typeof data === 'string' ? data : JSON.stringify(data)
      response.write(`${event === undefined ? '' : `event: ${event}\n`}data: ${line}\n\n`)
    }
    response.end()
  })
  return {
    get url() {
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    },
    calls,
    script: (...answers) => void script.push(...answers),
    start: () => new Promise((resolve) => server.listen(0, '127.0.0.1', resolve)),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** In pieces of a few characters, as models write: a reader must put them together. */
export function* inPieces(text: string, length = 7): Generator<string> {
  const characters = [...text]
  for (let at = 0; at < characters.length; at += length) yield characters.slice(at, at + length).join('')
}

export const asJson = (given: unknown): string => (typeof given === 'string' ? given : JSON.stringify(given))
