import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type EngineError, fromNative, httpStatus, refuse } from './error.ts'
import { contentType } from './format.ts'
import { READER, WRITER } from './protocol.ts'
import { type EngineRequest, readBody, readUrl } from './request.ts'
import { createSlots } from './slots.ts'
import type { Result } from './write.ts'

export interface ServerDeps {
  database: string
  writerPassword: string
  readerPassword: string
  read(request: EngineRequest): Promise<Result>
  write(request: EngineRequest): Promise<Result>
}

const MAX_INSERT = 256 * 1024 ** 2
const MAX_QUERY = 1024 ** 2

/** ClickHouse's HTTP interface, as far as ordinary clients use it. */
export function createEngineServer(deps: ServerDeps): Server {
  // Apart from each other: a reader's long scans must not keep the pipeline from writing.
  const slots = { reader: createSlots(6), writer: createSlots(4) }
  return createServer({ keepAliveTimeout: 30_000 }, (request, response) => {
    void answer(request, response, deps, slots).catch((error) => sendError(response, fromNative(error)))
  })
}

type Slots = Record<'reader' | 'writer', ReturnType<typeof createSlots>>

async function answer(request: IncomingMessage, response: ServerResponse, deps: ServerDeps, slots: Slots) {
  assertLocal(request)
  const path = request.url?.split('?')[0]
  if (request.method === 'GET' && path === '/ping')
    return send(request, response, Buffer.from('Ok.\n'), 'text/plain')
  if (path !== '/') return send(request, response, Buffer.from('There is nothing here.\n'), 'text/plain', 404)
  const role = authenticate(request, deps)
  const url = readUrl(request)
  response.setHeader('X-ClickHouse-Query-Id', url.queryId ?? randomUUID())
  if (url.database !== undefined && url.database !== deps.database)
    throw refuse(81, `Database ${url.database} does not exist.`)
  const whole = await readWhole(request, url, role)
  const result = await slots[role](() => (role === 'writer' ? deps.write(whole) : deps.read(whole)))
  response.setHeader('X-ClickHouse-Format', result.format)
  response.setHeader('X-ClickHouse-Summary', summary(result))
  return send(request, response, result.bytes, contentType(result.format))
}

async function readWhole(
  request: IncomingMessage,
  url: Omit<EngineRequest, 'body'>,
  role: 'reader' | 'writer',
): Promise<EngineRequest> {
  const body = await readBody(request, role === 'writer' ? MAX_INSERT : MAX_QUERY)
  // A writer's body is data when the statement stands in the URL. A reader sends no data: it is all statement.
  if (role === 'writer' && url.query !== '') return { ...url, body }
  return { ...url, query: url.query + body.toString(), body: Buffer.alloc(0) }
}

/**
 * Web pages on this machine are hostile: a name that resolves to 127.0.0.1 gives itself away by `Host`
 * (DNS rebinding), and a browser adds `Origin` or `Sec-Fetch-Site`, which no database client does.
 */
function assertLocal(request: IncomingMessage): void {
  const host = request.headers.host ?? ''
  const port = request.socket.localPort
  const known = [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`]
  if (!known.includes(host.toLowerCase()))
    throw refuse(516, `Host ${JSON.stringify(host)} is not this engine.`)
  const { origin } = request.headers
  if (origin !== undefined || request.headers['sec-fetch-site'] !== undefined)
    throw refuse(516, 'Browsers are not served here.')
}

function authenticate(request: IncomingMessage, deps: ServerDeps): 'reader' | 'writer' {
  const { user, password } = credentials(request)
  if (user === WRITER && same(password, deps.writerPassword)) return 'writer'
  if (user === READER && same(password, deps.readerPassword)) return 'reader'
  throw refuse(
    516,
    `${user || 'Nobody'}: Authentication failed: password is incorrect, or there is no such user.`,
  )
}

function credentials(request: IncomingMessage): { user: string; password: string } {
  const named = request.headers['x-clickhouse-user']
  if (named !== undefined)
    return { user: named.toString(), password: request.headers['x-clickhouse-key']?.toString() ?? '' }
  const [scheme, coded = ''] = (request.headers.authorization ?? '').split(' ')
  const plain = scheme?.toLowerCase() === 'basic' ? Buffer.from(coded, 'base64').toString() : ''
  const colon = plain.indexOf(':')
  return colon < 0
    ? { user: '', password: '' }
    : { user: plain.slice(0, colon), password: plain.slice(colon + 1) }
}

const digest = (text: string) => createHash('sha256').update(text).digest()
const same = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

const summary = ({ summary, elapsed }: Result): string =>
  JSON.stringify({
    ...Object.fromEntries(
      Object.entries({ read_rows: 0, read_bytes: 0, written_rows: 0, written_bytes: 0, ...summary }).map(
        ([name, value]) => [name, String(value)],
      ),
    ),
    elapsed_ns: String(Math.round(elapsed * 1e9)),
  })

async function send(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Uint8Array,
  type: string,
  status = 200,
): Promise<void> {
  const zip = bytes.length > 1024 && /\bgzip\b/.test(request.headers['accept-encoding']?.toString() ?? '')
  const body = zip ? await promisify(gzip)(bytes, { level: 1 }) : bytes
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': body.length,
    'X-Content-Type-Options': 'nosniff',
    ...(zip ? { 'Content-Encoding': 'gzip' } : {}),
  })
  response.end(body)
}

function sendError(response: ServerResponse, error: EngineError): void {
  if (response.headersSent) return void response.destroy()
  const body = Buffer.from(`${error.message}\n`)
  response.writeHead(httpStatus(error.code), {
    'Content-Type': 'text/plain; charset=UTF-8',
    'Content-Length': body.length,
    'X-ClickHouse-Exception-Code': String(error.code),
    'X-Content-Type-Options': 'nosniff',
    // What is still coming of the request has not been read.
    Connection: 'close',
  })
  response.end(body)
}
