import { eachField } from './fields.ts'
import { REQUEST, RESOURCE, SCOPE, SPAN } from './messages.ts'
import type { Range, Rewritten, TraceRanges } from './ranges.ts'
import { rebuild } from './rebuild.ts'
import { WIRE } from './schema.ts'
import type { Attributes, Span } from './span.ts'
import { omitOurs } from './strip.ts'
import { writeKeyValue } from './value.ts'
import { beginLength, copyBytes, endLength, type Writer, writeTag } from './writer.ts'

/**
 * The request again, as OTLP: byte for byte as it came, but for the attributes of what was rewritten, and for what
 * is ours on a scope, where it never belongs. Unknown fields, flags, dropped counts, schema URLs and the order of
 * everything survive. The body itself comes back where nothing is to be changed.
 */
export function encodeTraces({ body, resources }: TraceRanges, rewritten: Rewritten): Uint8Array {
  const spans = byStart(rewritten.spans)
  const changed = byStart(rewritten.resources)
  const scopes = new Set(
    resources.flatMap((resource) => resource.scopes.filter(({ telling }) => telling).map(({ from }) => from)),
  )
  if (spans.size + changed.size + scopes.size === 0) return body

  const omit = omitOurs(body)
  return rebuild(body, REQUEST.traces, (writer, message, field, value) => {
    if (message === SCOPE) return omit(writer, message, field, value)
    if (field.message === SCOPE) return scopes.has(value.from) ? 'enter' : 'keep'
    if (field.message === SPAN) {
      const span = spans.get(value.from)
      if (span === undefined) return 'keep'
      writeMessage(writer, field.no, () => writeSpan(writer, body, value, span))
      return 'replaced'
    }
    if (field.message === RESOURCE) {
      const attributes = changed.get(value.from)
      if (attributes === undefined) return 'keep'
      writeMessage(writer, field.no, () => writeChanged(writer, body, value, RESOURCE_ATTRIBUTES, attributes))
      return 'replaced'
    }
    return field.type === 'message' ? 'enter' : 'keep'
  })
}

const byStart = <Of extends Range, Value>(rewritten: ReadonlyMap<Of, Value>): Map<number, Value> =>
  new Map([...rewritten].map(([{ from }, value]) => [from, value]))

const RESOURCE_ATTRIBUTES = 1
const SPAN_FIELDS = { attributes: 9, events: 11, links: 13 } as const
const EVENT_ATTRIBUTES = 3
const LINK_ATTRIBUTES = 4

function writeSpan(writer: Writer, body: Uint8Array, range: Range, span: Span): void {
  let events = 0
  let links = 0
  writeChanged(writer, body, range, SPAN_FIELDS.attributes, span.attributes, (no, value) => {
    const [of, attributesNo] =
      no === SPAN_FIELDS.events
        ? [span.events[events++], EVENT_ATTRIBUTES]
        : no === SPAN_FIELDS.links
          ? [span.links[links++], LINK_ATTRIBUTES]
          : [undefined, 0]
    if (of === undefined) return false
    writeMessage(writer, no, () => writeChanged(writer, body, value, attributesNo, of.attributes))
    return true
  })
}

/** A message with other attributes, which stand where the first of the old ones stood. */
function writeChanged(
  writer: Writer,
  body: Uint8Array,
  range: Range,
  attributesNo: number,
  attributes: Attributes,
  writeInstead: (no: number, value: Range) => boolean = () => false,
): void {
  let left = true
  const writeAttributes = (): void => {
    if (left) for (const [key, value] of attributes) writeKeyValue(writer, attributesNo, key, value)
    left = false
  }
  eachField(body, range, (no, from, to, start) => {
    if (no === attributesNo) writeAttributes()
    else if (!writeInstead(no, { from, to })) copyBytes(writer, body, start, to)
  })
  writeAttributes()
}

function writeMessage(writer: Writer, no: number, write: () => void): void {
  writeTag(writer, no, WIRE.bytes)
  const start = beginLength(writer)
  write()
  endLength(writer, start)
}
