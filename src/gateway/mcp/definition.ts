import { canonicalize, type Digest, digestBytes, type JsonValue } from '#contract'
import { isObject, type JsonObject } from './message.ts'
import { MAX_TOOL_NAME } from './tool-call.ts'

/** A tool as the server describes it: all that makes a model call it, and with what. */
export interface Definition {
  name: string
  digest: Digest
  /** Canonical JSON (RFC 8785) of the members below; the digest is taken of this. */
  text: string
}

const MEMBERS = ['name', 'title', 'description', 'inputSchema', 'outputSchema', 'annotations'] as const

/** Undefined for what is no tool, or none that could be called. */
export function definitionOf(tool: JsonValue): Definition | undefined {
  if (!isObject(tool) || typeof tool.name !== 'string' || tool.name.length > MAX_TOOL_NAME) return undefined
  const present = MEMBERS.filter((member) => Object.hasOwn(tool, member))
  const described = Object.fromEntries(present.map((member) => [member, tame(tool[member] as JsonValue)]))
  const text = canonicalize(described)
  return { name: tool.name, digest: digestBytes(text), text }
}

/** Bounds such as 2^63 are common in schemas and have no canonical form; a definition is to have a digest all the same. */
function tame(value: JsonValue): JsonValue {
  if (typeof value === 'number')
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? { number: String(value) } : value
  if (typeof value === 'string') return value.isWellFormed() ? value : { text: JSON.stringify(value) }
  if (Array.isArray(value)) return value.map(tame)
  if (isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, tame(member)])) as JsonObject
  return value
}
