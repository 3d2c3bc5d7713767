import { type Group, readSound, type Scope } from './outline.ts'
import { decodeAttributes, decodeScope } from './protobuf.ts'
import type { ResourceRange, ScopeRange, TraceRanges } from './ranges.ts'
import type { Attributes } from './span.ts'

/**
 * Where the spans of an ExportTraceServiceRequest lie, after all of it has been checked, in one pass. A span is
 * telling when a key of an attribute, of its own or of its events and links, begins with one of `telling`, or when
 * its name is that of a gate's span.
 * Throws INVALID_INPUT where the bytes are no such request, PAYLOAD_TOO_LARGE where they would fill the memory.
 */
export const scanTraces = (body: Uint8Array, telling: readonly string[]): TraceRanges => ({
  body,
  resources: readSound('traces', body, telling).groups.map((group) => toResourceRange(body, group)),
})

function toResourceRange(body: Uint8Array, { resource, scopes }: Group): ResourceRange {
  const { from, to, telling } = resource
  let decoded: Attributes | undefined
  return {
    from,
    to,
    telling,
    attributes() {
      decoded ??= decodeAttributes(body, resource)
      return decoded
    },
    scopes: scopes.map((scope) => toScopeRange(body, scope)),
  }
}

const toScopeRange = (body: Uint8Array, { scope: { from, to, telling }, items }: Scope): ScopeRange => ({
  from,
  to,
  telling,
  ...decodeScope(body, { from, to }),
  spans: items,
})
