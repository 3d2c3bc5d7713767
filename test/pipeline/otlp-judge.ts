import { fromBinary } from '@bufbuild/protobuf'
import { decodeSpan } from '../../src/pipeline/otlp/protobuf.ts'
import { scanTraces } from '../../src/pipeline/otlp/scan.ts'
import { plain } from './decoded.ts'
import { REQUESTS } from './opentelemetry-proto.ts'

/** Spans as our decoder reads them, and as another implementation of protobuf does, both as plain values. */
export function spansByBoth(body: Uint8Array): { ours: unknown; theirs: unknown } {
  const ours = scanTraces(body, []).resources.map((resource) => [
    resource.attributes(),
    resource.scopes.map(({ name, version, spans }) => [
      name,
      version,
      spans.map((span) => decodeSpan(body, span)),
    ]),
  ])
  const { resourceSpans } = fromBinary(REQUESTS.traces, body) as unknown as { resourceSpans: Theirs[] }
  const theirs = resourceSpans.map((group) => [
    attributesOf((group.resource as Theirs)?.attributes),
    listOf(group.scopeSpans).map(({ scope, spans }) => [
      (scope as Theirs)?.name ?? '',
      (scope as Theirs)?.version ?? '',
      listOf(spans).map(spanOf),
    ]),
  ])
  return { ours: withoutMarks(plain(ours)), theirs: withoutMarks(plain(theirs)) }
}

type Theirs = Record<string, unknown>
const listOf = (value: unknown): Theirs[] => (value ?? []) as Theirs[]
const hex = (bytes: unknown): string => Buffer.from(bytes as Uint8Array).toString('hex')

const spanOf = (span: Theirs) => ({
  traceId: hex(span.traceId),
  spanId: hex(span.spanId),
  parentSpanId: hex(span.parentSpanId),
  traceState: span.traceState,
  name: span.name,
  kind: span.kind,
  startNs: span.startTimeUnixNano,
  endNs: span.endTimeUnixNano,
  attributes: attributesOf(span.attributes),
  events: listOf(span.events).map((event) => ({
    timeNs: event.timeUnixNano,
    name: event.name,
    attributes: attributesOf(event.attributes),
  })),
  links: listOf(span.links).map((link) => ({
    traceId: hex(link.traceId),
    spanId: hex(link.spanId),
    traceState: link.traceState,
    attributes: attributesOf(link.attributes),
  })),
  statusCode: (span.status as Theirs)?.code ?? 0,
  statusMessage: (span.status as Theirs)?.message ?? '',
})

const attributesOf = (pairs: unknown): Map<unknown, unknown> =>
  new Map(listOf(pairs).map(({ key, value }) => [key, anyValueOf(value as Theirs | undefined)]))

function anyValueOf(any: Theirs | undefined): unknown {
  const { case: kind, value } = (any?.value ?? {}) as { case?: string; value?: unknown }
  if (kind === 'arrayValue') return listOf((value as Theirs).values).map(anyValueOf)
  if (kind === 'kvlistValue') return attributesOf((value as Theirs).values)
  return kind === 'stringValueStrindex' ? undefined : value
}

/** The other implementation drops a byte order mark where a text begins; of two keys it may then make one. */
const withoutMarks = (value: unknown): unknown =>
  JSON.parse(
    JSON.stringify(value, (_key, one) => (typeof one === 'number' ? String(one) : one)).replaceAll(
      '\ufeff',
      '',
    ),
  )
