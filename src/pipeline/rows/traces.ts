import type { RowBlock } from '#store'
import type { ResourceRange, Rewritten, ScopeRange, TraceRanges } from '../otlp/ranges.ts'
import { dayOfTime } from '../otlp/time.ts'
import { createRowWriter } from '../row-binary.ts'
import { createBlocks } from './blocks.ts'
import { writeDecodedSpan } from './decoded-span.ts'
import { createResourceCopier } from './resource.ts'
import { createSpanCopier } from './span.ts'

const TRACES = {
  table: 'otel_traces',
  columns: [
    'Timestamp',
    'TraceId',
    'SpanId',
    'ParentSpanId',
    'TraceState',
    'SpanName',
    'SpanKind',
    'ResourceAttributes',
    'ServiceName',
    'ScopeName',
    'ScopeVersion',
    'SpanAttributes',
    'Duration',
    'StatusCode',
    'StatusMessage',
    'Events.Timestamp',
    'Events.Name',
    'Events.Attributes',
    'Links.TraceId',
    'Links.SpanId',
    'Links.TraceState',
    'Links.Attributes',
  ],
} as const

/**
 * The rows of `otel_traces`, as the Collector's ClickHouse exporter writes them, in blocks of the size of an insert:
 * copied from where they lie in the request, made from what was decoded only where that was changed. Of each of
 * `requests`, `rewritten` says what that is, under the same index. The same input gives the same blocks, one after
 * the other as they are asked for.
 */
export function* traceBlocks(
  requests: readonly TraceRanges[],
  rewritten: readonly Rewritten[],
): Generator<RowBlock> {
  const blocks = createBlocks(TRACES, bytesOf(requests))
  const copySpan = createSpanCopier()
  const copyResource = createResourceCopier()
  const writer = createRowWriter()

  for (const [index, { body, resources }] of requests.entries()) {
    const changed = rewritten[index]
    for (const resource of resources) {
      copyResource(writer, body, resource, changed?.resources.get(resource))
      const ofResource = writer.take()
      for (const scope of resource.scopes) {
        const { name, version, spans } = scope
        writer.encoded(ofResource)
        writer.string(name)
        writer.string(version)
        const shared = writer.take()
        const sharedBytes = sharedBytesOf(resource, scope)
        for (const range of spans) {
          const row = blocks.writer()
          const rowAt = row.at
          const span = changed?.spans.get(range)
          if (span) writeDecodedSpan(row, span, shared)
          else copySpan(row, body, range, shared)
          blocks.endRow(dayOfTime(row.bytes, rowAt), range.to - range.from + sharedBytes)
          yield* blocks.closed()
        }
      }
    }
  }
  yield* blocks.finish()
}

const sharedBytesOf = ({ from, to }: ResourceRange, { name, version }: ScopeRange): number =>
  to - from + name.length + version.length

function bytesOf(requests: readonly TraceRanges[]): number {
  let bytes = 0
  for (const { resources } of requests)
    for (const resource of resources)
      for (const scope of resource.scopes) {
        bytes += scope.spans.length * sharedBytesOf(resource, scope)
        for (const { from, to } of scope.spans) bytes += to - from
      }
  return bytes
}
