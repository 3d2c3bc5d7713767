import { REQUEST } from './messages.ts'
import { rebuild } from './rebuild.ts'
import { WIRE } from './schema.ts'
import type { Signal } from './signal.ts'
import { isText, textOf } from './wire.ts'
import { writeTag, writeText } from './writer.ts'

/**
 * Strings of protobuf are UTF-8, which not every sender knows. What is none becomes U+FFFD before anybody reads it,
 * so that what is verified, stored and sent on is the same text, and one sender's bytes do not have the spans of
 * others refused that a Collector put into the same request.
 */
export const repairTexts = (signal: Signal, body: Uint8Array): Uint8Array =>
  rebuild(body, REQUEST[signal], (writer, _message, field, { from, to }) => {
    if (field.type === 'message') return 'enter'
    if (field.type !== 'string' || isText(body, from, to)) return 'keep'
    writeTag(writer, field.no, WIRE.bytes)
    writeText(writer, textOf(body, from, to))
    return 'replaced'
  })
