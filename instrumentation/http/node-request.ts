import * as nodeHttp from 'node:http'
import * as nodeHttps from 'node:https'
import { originOf, readHeaders, type Sent } from './sent.ts'

/** `http.ClientRequest`, with what it inherits and does not show. */
export interface ClientRequest extends nodeHttp.ClientRequest {
  /** The head as it will be sent, once it cannot be changed any more. */
  _header: string | null
}

export interface AgentLike {
  protocol?: string
  options?: ConnectOptions
  createConnection?: unknown
  createSocket?: unknown
}

export interface ConnectOptions {
  host?: string
  port?: number | string
  socketPath?: string
  lookup?: unknown
}

export interface Destination {
  origin: string
  isConnectedByProgram: boolean
}

/** As Node connects: an agent's own options come before the request's. */
export function destinationOf(
  request: ClientRequest,
  agent: AgentLike,
  options: ConnectOptions,
): Destination {
  const { host = 'localhost', port, socketPath, lookup } = { ...options, ...agent.options }
  const isConnectedByProgram = lookup !== undefined || !isNodes(agent)
  if (socketPath) return { origin: `unix:${socketPath}`, isConnectedByProgram }
  return { origin: originFor(request, host, port), isConnectedByProgram }
}

/** Nobody can tell where a connection goes that the program has made. */
export const unknownDestination = (request: ClientRequest): Destination => ({
  origin: originFor(request, request.host, /:(\d+)$/.exec(String(request.getHeader('host') ?? ''))?.[1]),
  isConnectedByProgram: true,
})

function originFor({ protocol }: ClientRequest, host: string, port: number | string | undefined): string {
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  const url = `${protocol}//${name}${port === undefined ? '' : `:${port}`}`
  return originOf(url) ?? url
}

/** As they were before the program could change them. */
const NODES = new Set<unknown>(
  [nodeHttp.Agent, nodeHttps.Agent].flatMap(({ prototype }) => [
    (prototype as AgentLike).createConnection,
    (prototype as AgentLike).createSocket,
  ]),
)

const isNodes = ({ createConnection, createSocket }: AgentLike): boolean =>
  NODES.has(createConnection) && NODES.has(createSocket)

export const sentOf = (request: ClientRequest, { origin, isConnectedByProgram }: Destination): Sent => ({
  ...headOf(request),
  origin,
  ...(isConnectedByProgram ? { isConnectedByProgram } : {}),
})

/** What stands in its head, or would if it were written now. */
function headOf(request: ClientRequest): Pick<Sent, 'method' | 'path' | 'headers'> {
  if (!request._header)
    return { method: request.method, path: request.path, headers: readHeaders(request.getHeaders()) }
  const [first = '', ...lines] = request._header.split('\r\n')
  const [method = '', ...path] = first.split(' ').slice(0, -1)
  const pairs = lines
    .filter((line) => line !== '')
    .map((line) => /^([^:]*):\s*(.*)$/s.exec(line)?.slice(1) ?? [line, ''])
  return { method, path: path.join(' '), headers: readHeaders(pairs) }
}

/** Whatever a ruling can depend on but for the body, as far as it may be changed after the request was made. */
export function fingerprintOf(request: ClientRequest): string {
  if (request._header) return request._header
  return JSON.stringify([
    request.method,
    request.path,
    ...TELLING.map((name) => request.getHeader(name) ?? ''),
  ])
}

const TELLING = [
  'host',
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
  'x-original-url',
  'x-rewrite-url',
] as const
