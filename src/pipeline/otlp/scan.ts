import { type Group, type Part, readOutline, type Scope } from './outline.ts'
import { decodeAttributes, decodeScope } from './protobuf.ts'
import type { ResourceRange, ScopeRange, TraceRanges } from './ranges.ts'
import { malformed } from './wire.ts'

/**
 * Where the spans of an ExportTraceServiceRequest lie, after all of it has been checked, in one pass. A span is
 * telling when a key of an attribute, of its own or of its events and links, begins with one of `telling`, or when
 * its name is that of a gate's span.
 * Throws INVALID_INPUT where the bytes are no such request, PAYLOAD_TOO_LARGE where they would fill the memory.
 */
export function scanTraces(body: Uint8Array, telling: readonly string[]): TraceRanges {
  const { groups, badTextAt } = readOutline('traces', body, telling)
  if (badTextAt !== -1) throw malformed(badTextAt, 'a string is no UTF-8')
  return { body, resources: groups.map((group) => toResourceRange(body, group)) }
}

function toResourceRange(body: Uint8Array, { resource, scopes }: Group): ResourceRange {
  const { from, to, telling } = sound(resource)
  let attributes: ReturnType<typeof decodeAttributes> | undefined
  return {
    from,
    to,
    telling,
    attributes: () => (attributes ??= decodeAttributes(body, resource)),
    scopes: scopes.map((scope) => toScopeRange(body, scope)),
  }
}

function toScopeRange(body: Uint8Array, { scope, items }: Scope): ScopeRange {
  const { from, to, telling } = sound(scope)
  for (const item of items) sound(item)
  return { from, to, telling, ...decodeScope(body, scope), spans: items }
}

/** What was admitted has no faults. */
function sound(part: Part): Part {
  if (part.fault) throw part.fault
  return part
}
