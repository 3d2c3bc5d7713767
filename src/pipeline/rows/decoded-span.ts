import type { Span } from '../otlp/span.ts'
import type { RowWriter } from '../row-binary.ts'
import { writeAttributes } from './attributes.ts'
import { KINDS, STATUS_CODES, writeWord } from './words.ts'

/** The same row as a copied span's, from one that was decoded because something of it was changed. */
export function writeDecodedSpan(writer: RowWriter, span: Span, shared: Uint8Array): void {
  const { startNs, endNs, events, links } = span
  writer.uint64(startNs)
  writer.string(span.traceId)
  writer.string(span.spanId)
  writer.string(idText(span.parentSpanId))
  writer.string(span.traceState)
  writer.string(span.name)
  writeWord(writer, KINDS, span.kind)
  writer.encoded(shared)
  writeAttributes(writer, span.attributes)
  writer.uint64(endNs > startNs ? endNs - startNs : 0n)
  writeWord(writer, STATUS_CODES, span.statusCode)
  writer.string(span.statusMessage)
  writer.list(events, ({ timeNs }) => writer.uint64(timeNs))
  writer.list(events, ({ name }) => writer.string(name))
  writer.list(events, ({ attributes }) => writeAttributes(writer, attributes))
  writer.list(links, ({ traceId }) => writer.string(idText(traceId)))
  writer.list(links, ({ spanId }) => writer.string(idText(spanId)))
  writer.list(links, ({ traceState }) => writer.string(traceState))
  writer.list(links, ({ attributes }) => writeAttributes(writer, attributes))
}

/** An id of zeros means that there is none. */
const idText = (id: string): string => (/^0*$/.test(id) ? '' : id)
