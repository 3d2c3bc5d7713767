import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { gunzipSync } from 'node:zlib'

export interface Received {
  path: string
  headers: IncomingHttpHeaders
  /** Decompressed. */
  body: Buffer
}

export type Answer = (response: ServerResponse, received: Received) => void

/** A Collector's HTTP edge, as far as its rules go: what breaks one of OTLP's is answered with 400. */
export interface Edge {
  url: string
  received: Received[]
  /** From now on; without it everything is accepted. */
  answers(answer: Answer): void
  stop(): Promise<void>
}

export const accept: Answer = (response) => {
  response.writeHead(200, { 'Content-Type': 'application/x-protobuf' }).end()
}

export async function startEdge(): Promise<Edge> {
  const received: Received[] = []
  let answer = accept
  const server = createServer(async (request, response) => {
    const compressed = await buffer(request)
    const { method, url: path = '', headers } = request
    const broken = brokenRule(method, path, headers)
    if (broken !== undefined)
      return void response.writeHead(400, { 'Content-Type': 'text/plain' }).end(broken)
    const one = { path, headers, body: gunzipSync(compressed) }
    received.push(one)
    answer(response, one)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answers: (next) => {
      answer = next
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function brokenRule(
  method: string | undefined,
  path: string,
  headers: IncomingHttpHeaders,
): string | undefined {
  if (method !== 'POST') return `${method} is not POST`
  if (!/\/v1\/(traces|logs|metrics)$/.test(path)) return `${path} is no path of OTLP`
  if (headers['content-type'] !== 'application/x-protobuf')
    return `${headers['content-type']} is not protobuf`
  if (headers['content-encoding'] !== 'gzip') return `${headers['content-encoding']} is not gzip`
  return undefined
}
