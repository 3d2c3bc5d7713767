import { HoldpointError } from '#contract'
import { below, enumeration, id, list, type Members, type Place, record, text, time } from './json-fields.ts'
import { parseText } from './json-text.ts'
import { attributes } from './json-value.ts'
import type { Signal } from './signal.ts'
import {
  createPartCounter,
  PART,
  type ResourceSpans,
  type ScopeSpans,
  type Span,
  type SpanEvent,
  type SpanLink,
} from './span.ts'

/**
 * Decodes an ExportTraceServiceRequest in OTLP/JSON (proto3 JSON with hex ids and integer enums).
 * Unknown members are ignored; a known one of the wrong shape throws INVALID_INPUT naming its path.
 */
export function decodeJson(body: Uint8Array): ResourceSpans[] {
  const count = createPartCounter(body.length)
  const root: Place = { at: '', count }
  return list(record(parseText(body), root), 'resourceSpans', root, readResourceSpans, PART.group)
}

function readResourceSpans(from: Members, place: Place): ResourceSpans {
  const resource = from.resource ?? {}
  return {
    resource: attributes(record(resource, below(place, 'resource')), below(place, 'resource')),
    scopes: list(from, 'scopeSpans', place, readScopeSpans, PART.group),
  }
}

function readScopeSpans(from: Members, place: Place): ScopeSpans {
  const within = below(place, 'scope')
  const scope = record(from.scope ?? {}, within)
  return {
    name: text(scope, 'name', within),
    version: text(scope, 'version', within),
    spans: list(from, 'spans', place, readSpan, PART.span),
  }
}

function readSpan(from: Members, place: Place): Span {
  const within = below(place, 'status')
  const status = record(from.status ?? {}, within)
  return {
    traceId: id(from, 'traceId', place),
    spanId: id(from, 'spanId', place),
    parentSpanId: id(from, 'parentSpanId', place),
    traceState: text(from, 'traceState', place),
    name: text(from, 'name', place),
    kind: enumeration(from, 'kind', place),
    startNs: time(from, 'startTimeUnixNano', place),
    endNs: time(from, 'endTimeUnixNano', place),
    attributes: attributes(from, place),
    events: list(from, 'events', place, readEvent, PART.event),
    links: list(from, 'links', place, readLink, PART.link),
    statusCode: enumeration(status, 'code', within),
    statusMessage: text(status, 'message', within),
  }
}

const readEvent = (from: Members, place: Place): SpanEvent => ({
  timeNs: time(from, 'timeUnixNano', place),
  name: text(from, 'name', place),
  attributes: attributes(from, place),
})

const readLink = (from: Members, place: Place): SpanLink => ({
  traceId: id(from, 'traceId', place),
  spanId: id(from, 'spanId', place),
  traceState: text(from, 'traceState', place),
  attributes: attributes(from, place),
})

/** A request of any signal, from OTLP/JSON to protobuf. Errors as for decodeJson. */
export function toProtobuf(_signal: Signal, _json: Uint8Array): Uint8Array {
  throw new HoldpointError('INTERNAL', 'toProtobuf: not yet')
}
