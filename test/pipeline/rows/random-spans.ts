import fc from 'fast-check'
import {
  anyText,
  anyTime,
  attributes,
  bytes,
  fixed64,
  idOf,
  inAnyOrder,
  int,
  likelyTime,
  many,
  maybe,
  message,
  text,
} from './wire-chunks.ts'

const time = fc.oneof(likelyTime, anyTime)
const anyId = (length: number) => fc.oneof(idOf(length), fc.constant(new Uint8Array(length)))

const event = inAnyOrder(
  maybe(time.map((value) => fixed64(1, value))),
  maybe(anyText.map((value) => text(2, value))),
  attributes(3, 3),
)
const link = inAnyOrder(
  maybe(anyId(16).map((id) => bytes(1, id))),
  maybe(anyId(8).map((id) => bytes(2, id))),
  maybe(anyText.map((value) => text(3, value))),
  attributes(4, 3),
)
const status = inAnyOrder(
  maybe(anyText.map((value) => text(2, value))),
  maybe(fc.integer({ min: -1, max: 4 }).map((code) => int(3, code))),
)
const span = inAnyOrder(
  idOf(16).map((id) => [bytes(1, id)]),
  idOf(8).map((id) => [bytes(2, id)]),
  maybe(anyText.map((value) => text(3, value))),
  maybe(anyId(8).map((id) => bytes(4, id))),
  maybe(anyText.map((value) => text(5, value))),
  maybe(fc.integer({ min: -2, max: 9 }).map((kind) => int(6, kind))),
  maybe(time.map((value) => fixed64(7, value))),
  maybe(time.map((value) => fixed64(8, value))),
  attributes(9, 40),
  many(
    event.map((parts) => message(11, parts)),
    3,
  ),
  many(
    link.map((parts) => message(13, parts)),
    3,
  ),
  maybe(status.map((parts) => message(15, parts))),
)

const scope = inAnyOrder(
  maybe(anyText.map((value) => text(1, value))),
  maybe(anyText.map((value) => text(2, value))),
  attributes(3, 3),
)
const scopeSpans = inAnyOrder(
  maybe(scope.map((parts) => message(1, parts))),
  many(
    span.map((parts) => message(2, parts)),
    4,
  ),
)
const resourceSpans = inAnyOrder(
  maybe(attributes(1).map((parts) => message(1, parts))),
  many(
    scopeSpans.map((parts) => message(2, parts)),
    2,
  ),
)

/** An ExportTraceServiceRequest as its bytes. */
export const anyTraces: fc.Arbitrary<Uint8Array> = fc
  .array(
    resourceSpans.map((parts) => message(1, parts)),
    { maxLength: 2 },
  )
  .map((groups) => Buffer.concat(groups))
