import type { IncomingMessage } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { createGunzip } from 'node:zlib'
import { refuse } from './error.ts'

/** One request to ClickHouse's HTTP interface: `POST /?query=…&setting=…&param_x=…` with a body. */
export interface EngineRequest {
  queryId: string | undefined
  /** The statement in the URL; then the body is data, or goes on with the statement. */
  query: string
  body: Buffer
  database: string | undefined
  format: string | undefined
  settings: Record<string, string>
  params: Record<string, string>
}

/** Parameters of the HTTP interface itself. They are no settings of the engine, or mean nothing to one process. */
const OF_THE_INTERFACE = new Set([
  'add_http_cors_header',
  'buffer_size',
  'cancel_http_readonly_queries_on_client_close',
  'compress',
  'decompress',
  'enable_http_compression',
  'http_headers_progress_interval_ms',
  'http_response_buffer_size',
  'http_zlib_compression_level',
  'http_native_compression_disable_checksumming_on_decompress',
  'quota_key',
  'readonly',
  'send_progress_in_http_headers',
  'wait_end_of_query',
])

export function readUrl(request: IncomingMessage): Omit<EngineRequest, 'body'> {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost')
  const settings: Record<string, string> = {}
  const params: Record<string, string> = {}
  const own: Record<string, string | undefined> = {}
  for (const [name, value] of searchParams) {
    if (OF_THE_INTERFACE.has(name)) continue
    if (['query', 'query_id', 'database', 'default_format'].includes(name)) own[name] = value
    else if (name === 'session_id' || name === 'role') throw refuse(36, `${name} is not offered here.`)
    else if (name === 'user' || name === 'password')
      throw refuse(516, 'Credentials belong into the headers: URLs end up in logs.')
    else if (name.startsWith('param_')) params[name.slice('param_'.length)] = value
    else settings[name] = value
  }
  const header = (name: string) => request.headers[name]?.toString()
  return {
    query: own.query ?? '',
    queryId: own.query_id,
    database: own.database ?? header('x-clickhouse-database'),
    format: own.default_format ?? header('x-clickhouse-format'),
    settings,
    params,
  }
}

/** The whole body, inflated; more than `limit` bytes are refused wherever they come from. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity' && encoding !== 'gzip') {
    await readText(request)
    throw refuse(36, `Content-Encoding ${encoding} is not offered here: send gzip or nothing.`)
  }
  const source = encoding === 'gzip' ? request.pipe(createGunzip()) : request
  request.on('error', (error) => source.destroy(error))
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of source as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) throw refuse(307, `The body is larger than ${limit} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
