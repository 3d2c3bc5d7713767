import type { JsonValue } from '#contract'
import { isObject, type JsonObject, type Message, type RequestId } from './message.ts'

/** A `tools/call` request that has been understood completely. */
export interface ToolCall {
  id: RequestId
  name: string
  /** As sent: left out is not the same as empty. */
  arguments: JsonObject | undefined
  /** What is neither name nor arguments: `_meta`, `task`, answers to what the server asked. */
  rest: JsonObject
  meta: JsonObject
}

/** All that MCP has, up to 2026-07-28. What nobody is shown must not reach the server. */
const PARAMS: ReadonlySet<string> = new Set([
  'name',
  'arguments',
  '_meta',
  'task',
  'inputResponses',
  'requestState',
])

/** As long as the name of an action may be. */
export const MAX_TOOL_NAME = 500

/** Returns what is wrong with it as a text. */
export function readToolCall({ id, params }: Message): ToolCall | string {
  if (params === undefined) return 'params are missing'
  const stranger = Object.keys(params).find((key) => !PARAMS.has(key))
  if (stranger !== undefined)
    return `params have ${JSON.stringify(stranger.slice(0, 40))}, which tools/call does not have`
  const { name, arguments: given, ...rest } = params
  const { _meta: meta, requestState, inputResponses } = rest
  if (typeof name !== 'string' || name === '' || name.length > MAX_TOOL_NAME)
    return 'params.name is no name of a tool'
  if (given !== undefined && !isObject(given)) return 'params.arguments are no object'
  if (meta !== undefined && !isObject(meta)) return 'params._meta is no object'
  if (requestState !== undefined && typeof requestState !== 'string') return 'params.requestState is no text'
  if (inputResponses !== undefined && !isObject(inputResponses)) return 'params.inputResponses are no object'
  return { id: id as RequestId, name, arguments: given, rest, meta: meta ?? {} }
}

/** The request as it goes to the server: what was parsed, written anew, with the arguments that were approved. */
export function writeToolCall({ id, name, arguments: given, rest }: ToolCall, approved: JsonObject): string {
  const params = { ...rest, name, ...(given === undefined ? {} : { arguments: approved }) }
  // Unescaped, these end a line for some readers.
  return JSON.stringify({ jsonrpc: '2.0', id, method: 'tools/call', params }).replaceAll(
    /[\u2028\u2029\u0085]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

/** Whoever speaks 2026-07-28 or later says so in every request. */
export const PROTOCOL_VERSION = 'io.modelcontextprotocol/protocolVersion'
export const CLIENT_INFO = 'io.modelcontextprotocol/clientInfo'
export const SERVER_INFO = 'io.modelcontextprotocol/serverInfo'
const ENVELOPE = [PROTOCOL_VERSION, CLIENT_INFO, 'io.modelcontextprotocol/clientCapabilities']

/** What such a request has to say of its sender, to be repeated in one of our own. */
export const envelopeOf = (meta: JsonObject): JsonObject =>
  Object.fromEntries(
    ENVELOPE.flatMap((key) => (Object.hasOwn(meta, key) ? [[key, meta[key] as JsonValue]] : [])),
  )
