import { fromBinary, toJson } from '@bufbuild/protobuf'
import type { Signal } from '../../src/pipeline/otlp/signal.ts'
import { REQUESTS } from './opentelemetry-proto.ts'

type Json = Record<string, unknown>

const NAMES = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
} as const
const DATA = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary']

/** Each span, log record or data point of a request with all that it stands in, read by another implementation. */
export function itemsIn(signal: Signal, body: Uint8Array): string[] {
  const [groups, scopes, items] = NAMES[signal]
  const request = toJson(REQUESTS[signal], fromBinary(REQUESTS[signal], body)) as Json
  return listOf(request[groups]).flatMap(({ [scopes]: within, ...group }) =>
    listOf(within).flatMap(({ [items]: of, ...scope }) =>
      listOf(of).flatMap((item) =>
        (signal === 'metrics' ? pointsOf(item) : [item]).map((one) => JSON.stringify([group, scope, one])),
      ),
    ),
  )
}

const listOf = (value: unknown): Json[] => (value ?? []) as Json[]

function pointsOf(metric: Json): unknown[] {
  const kind = DATA.find((name) => name in metric)
  if (kind === undefined) return []
  const { dataPoints, ...data } = metric[kind] as Json
  return listOf(dataPoints).map((point) => ({ ...metric, [kind]: data, point }))
}
