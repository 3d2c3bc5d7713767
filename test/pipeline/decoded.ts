import { expect } from 'vitest'
import { HoldpointError } from '#contract'
import { toProtobuf } from '../../src/pipeline/otlp/json.ts'
import { decodeSpan } from '../../src/pipeline/otlp/protobuf.ts'
import { scanTraces } from '../../src/pipeline/otlp/scan.ts'
import type { Attributes, Span } from '../../src/pipeline/otlp/span.ts'
import { aSpan, SPAN, START_NS, TRACE } from './encode.ts'

/** A batch with every part of a span and every kind of value. */
export const EVERYTHING = {
  resource: { 'service.name': 'support-agent', 'process.pid': 42n },
  scope: { name: 'holdpoint', version: '0.1.0' },
  spans: [
    aSpan({
      parentSpanId: '00f067aa0ba902b7',
      traceState: 'vendor=1',
      attributes: {
        text: 'Grüße 🦊',
        yes: true,
        no: false,
        count: -(2n ** 63n),
        most: 2n ** 63n - 1n,
        share: 0.1,
        blob: new Uint8Array([0, 255, 1]),
        nothing: undefined,
        list: ['a', 1n, [true]],
        map: { inner: { deep: 'x' }, __proto: 1.5 },
      },
      events: [{ timeNs: START_NS + 5n, name: 'exception', attributes: { 'exception.type': 'Error' } }],
      links: [{ traceId: TRACE, spanId: SPAN, attributes: { why: 'follows' } }],
      status: { code: 2, message: 'failed' },
    }),
  ],
}

export const codeOf = (run: () => unknown): string => {
  try {
    run()
    return 'accepted'
  } catch (error) {
    // Anything else than our own error is a crash.
    expect(error).toBeInstanceOf(HoldpointError)
    return (error as HoldpointError).code
  }
}

export interface DecodedResource {
  resource: Attributes
  scopes: { name: string; version: string; spans: Span[] }[]
}

/** All of a request, as verification would read it if all of it were telling. */
export const decodeTraces = (body: Uint8Array): DecodedResource[] =>
  scanTraces(body, []).resources.map((resource) => ({
    resource: resource.attributes(),
    scopes: resource.scopes.map(({ name, version, spans }) => ({
      name,
      version,
      spans: spans.map((span) => decodeSpan(body, span)),
    })),
  }))

export const decodeJson = (body: Uint8Array): DecodedResource[] => decodeTraces(toProtobuf('traces', body))

export const firstSpan = (batch: DecodedResource[]) => batch[0]?.scopes[0]?.spans[0]

/** Maps and bytes as plain values, so that a difference is readable. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') }
  if (value instanceof Map) return { map: [...value].map(([key, member]) => [key, plain(member)]) }
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]))
  return typeof value === 'bigint' ? `${value}n` : value
}
