import { BinaryReader } from '@bufbuild/protobuf/wire'
import { HoldpointError } from '#contract'
import { enter, enumeration, id, malformed, readFields, type Source, text, time } from './protobuf-fields.ts'
import { readKeyValue } from './protobuf-value.ts'
import {
  type Attributes,
  createPartCounter,
  emptySpan,
  PART,
  type ResourceSpans,
  type ScopeSpans,
  type Span,
  type SpanEvent,
  type SpanLink,
} from './span.ts'

/**
 * Decodes an ExportTraceServiceRequest (opentelemetry-proto v1.11), unknown fields skipped.
 * Throws INVALID_INPUT where the bytes are no such message, PAYLOAD_TOO_LARGE where they would fill the memory.
 */
export function decodeProtobuf(body: Uint8Array): ResourceSpans[] {
  const result: ResourceSpans[] = []
  const source: Source = { reader: new BinaryReader(body), count: createPartCounter(body.length) }
  try {
    readFields(source, body.length, (field) => {
      if (field.no === 1) result.push(readResourceSpans(source, enter(source, field, PART.group)))
      else return false
      return true
    })
  } catch (cause) {
    if (cause instanceof HoldpointError) throw cause
    throw malformed(source, (cause as Error).message, cause)
  }
  return result
}

function readResourceSpans(source: Source, end: number): ResourceSpans {
  const result: ResourceSpans = { resource: new Map(), scopes: [] }
  readFields(source, end, (field) => {
    if (field.no === 1) readResource(source, enter(source, field), result.resource)
    else if (field.no === 2) result.scopes.push(readScopeSpans(source, enter(source, field, PART.group)))
    else return false
    return true
  })
  return result
}

function readResource(source: Source, end: number, into: Attributes): void {
  readFields(source, end, (field) => {
    if (field.no !== 1) return false
    readKeyValue(source, enter(source, field), into, 0)
    return true
  })
}

function readScopeSpans(source: Source, end: number): ScopeSpans {
  const result: ScopeSpans = { name: '', version: '', spans: [] }
  readFields(source, end, (field) => {
    if (field.no === 1) readScope(source, enter(source, field), result)
    else if (field.no === 2) result.spans.push(readSpan(source, enter(source, field, PART.span)))
    else return false
    return true
  })
  return result
}

function readScope(source: Source, end: number, into: ScopeSpans): void {
  readFields(source, end, (field) => {
    if (field.no === 1) into.name = text(source, field)
    else if (field.no === 2) into.version = text(source, field)
    else return false
    return true
  })
}

function readSpan(source: Source, end: number): Span {
  const span = emptySpan()
  readFields(source, end, (field) => {
    switch (field.no) {
      case 1:
        span.traceId = id(source, field)
        return true
      case 2:
        span.spanId = id(source, field)
        return true
      case 3:
        span.traceState = text(source, field)
        return true
      case 4:
        span.parentSpanId = id(source, field)
        return true
      case 5:
        span.name = text(source, field)
        return true
      case 6:
        span.kind = enumeration(source, field)
        return true
      case 7:
        span.startNs = time(source, field)
        return true
      case 8:
        span.endNs = time(source, field)
        return true
      case 9:
        readKeyValue(source, enter(source, field), span.attributes, 0)
        return true
      case 11:
        span.events.push(readEvent(source, enter(source, field, PART.event)))
        return true
      case 13:
        span.links.push(readLink(source, enter(source, field, PART.link)))
        return true
      case 15:
        readStatus(source, enter(source, field), span)
        return true
      default:
        return false
    }
  })
  return span
}

function readEvent(source: Source, end: number): SpanEvent {
  const event: SpanEvent = { timeNs: 0n, name: '', attributes: new Map() }
  readFields(source, end, (field) => {
    if (field.no === 1) event.timeNs = time(source, field)
    else if (field.no === 2) event.name = text(source, field)
    else if (field.no === 3) readKeyValue(source, enter(source, field), event.attributes, 0)
    else return false
    return true
  })
  return event
}

function readLink(source: Source, end: number): SpanLink {
  const link: SpanLink = { traceId: '', spanId: '', traceState: '', attributes: new Map() }
  readFields(source, end, (field) => {
    if (field.no === 1) link.traceId = id(source, field)
    else if (field.no === 2) link.spanId = id(source, field)
    else if (field.no === 3) link.traceState = text(source, field)
    else if (field.no === 4) readKeyValue(source, enter(source, field), link.attributes, 0)
    else return false
    return true
  })
  return link
}

function readStatus(source: Source, end: number, span: Span): void {
  readFields(source, end, (field) => {
    if (field.no === 2) span.statusMessage = text(source, field)
    else if (field.no === 3) span.statusCode = enumeration(source, field)
    else return false
    return true
  })
}
