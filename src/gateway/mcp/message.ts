import { findDuplicateKey, HoldpointError, type JsonValue, parseJson } from '#contract'

export type RequestId = string | number
export type JsonObject = { [key: string]: JsonValue }

/** One JSON-RPC 2.0 message whose envelope has been checked: a request, a notification, or an answer. */
export interface Message {
  jsonrpc: '2.0'
  id?: RequestId | null
  method?: string
  params?: JsonObject
  result?: JsonValue
  error?: JsonValue
}

export type Read = Understood | Fault

export interface Understood {
  messages: Message[]
  isBatch: boolean
  /** A single `tools/call`. */
  isCall: boolean
}

export interface Fault {
  fault: string
  /** Whose answers somebody waits for, as far as that can be told. */
  ids: (RequestId | null)[]
}

/**
 * Reads one line as MCP's stdio transport sends it. The other side has a parser of its own, and whatever the two could
 * read differently is a way around the gate: it is refused, not repaired. Undefined for an empty line.
 */
export function readLine(line: Buffer, from: 'client' | 'server'): Read | undefined {
  let text: string
  try {
    text = UTF8.decode(line)
  } catch {
    return { fault: 'it is not UTF-8', ids: [null] }
  }
  if (text.endsWith('\r')) text = text.slice(0, -1)
  if (text.trim() === '') return undefined
  // To readers with universal newlines (Python's among them) this is several lines, and each may be a message.
  if (text.includes('\r')) return { fault: 'it has a carriage return inside', ids: [null] }
  let value: JsonValue
  try {
    value = from === 'client' ? parseJson(text) : parseOutput(text)
  } catch (error) {
    return { fault: faultOf(error), ids: [guessId(text)] }
  }
  return readMessages(value)
}

/** Fatal, and the byte order mark stays: JSON has none, and not every parser takes it off (RFC 8259, 8.1). */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What a tool returns may have numbers that only some can hold; that is between the server and its client. */
function parseOutput(text: string): JsonValue {
  const duplicate = findDuplicateKey(text)
  if (duplicate !== undefined) throw new HoldpointError('INVALID_INPUT', `JSON: ${duplicate}`)
  return JSON.parse(text)
}

/** It quotes what was sent, and goes to a log or back to who sent it. */
const MAX_FAULT = 200
const faultOf = (error: unknown): string =>
  error instanceof HoldpointError ? error.message.slice(0, MAX_FAULT) : 'JSON: it cannot be parsed'

function guessId(text: string): RequestId | null {
  try {
    const { id } = JSON.parse(text) ?? {}
    return isId(id) ? id : null
  } catch {
    return null
  }
}

function readMessages(value: JsonValue): Read {
  const isBatch = Array.isArray(value)
  const messages = isBatch ? value : [value]
  const fault =
    messages.length === 0 ? 'an empty batch' : messages.map(faultIn).find((one) => one !== undefined)
  if (fault !== undefined) {
    const { id } = !isBatch && isObject(value) ? value : {}
    return { fault, ids: [isId(id) ? id : null] }
  }
  const [first] = messages as unknown as [Message]
  const isCall = !isBatch && first.method === TOOLS_CALL
  return { messages: messages as unknown as Message[], isBatch, isCall }
}

/** Exactly these: some parsers find their members whatever the case, so that `Method` may stand for `method`. */
const MEMBERS: ReadonlySet<string> = new Set(['jsonrpc', 'id', 'method', 'params', 'result', 'error'])
const METHOD = /^[!-~]{1,200}$/
export const TOOLS_CALL = 'tools/call'

function faultIn(message: JsonValue): string | undefined {
  if (!isObject(message)) return 'a message that is no object'
  const stranger = Object.keys(message).find((key) => !MEMBERS.has(key))
  if (stranger !== undefined)
    return `the member ${JSON.stringify(stranger.slice(0, 40))}, which JSON-RPC does not have`
  const { jsonrpc, id, method, params } = message
  if (jsonrpc !== '2.0') return 'no "jsonrpc": "2.0"'
  if (params !== undefined && !isObject(params)) return 'params that are no object'
  const hasResult = Object.hasOwn(message, 'result')
  const hasError = Object.hasOwn(message, 'error')
  if (method === undefined) {
    if (hasResult === hasError) return 'neither a method, nor one of result and error'
    // Only an error may be about a message of which not even the id could be read.
    return isId(id) || (hasError && id === null) ? undefined : 'an answer without a usable id'
  }
  if (typeof method !== 'string' || !METHOD.test(method)) return 'a method that is no name'
  if (hasResult || hasError) return 'a method and an answer in one message'
  if (Object.hasOwn(message, 'id') && !isId(id)) return 'an id that is neither text nor a whole number'
  if (method === TOOLS_CALL)
    return id === undefined ? 'tools/call without an id, which nobody could answer' : undefined
  if (method.toLowerCase() === TOOLS_CALL) return 'a method that some might take for tools/call'
  return undefined
}

const isId = (id: unknown): id is RequestId =>
  typeof id === 'string' ? id.length <= 200 : Number.isSafeInteger(id)

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `5` and `"5"` are the same: not every peer keeps the type of an id. */
export const keyOf = (id: RequestId): string => String(id)
