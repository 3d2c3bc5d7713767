import { createPartCounter, MAX_VALUE_DEPTH } from './bounds.ts'
import { ANY_VALUE, KEY_VALUE, SPAN } from './messages.ts'
import { beginsWithOne, createPrefixes, type Prefixes } from './prefixes.ts'
import { type Field, MAX_FIELD, type Message, WIRE } from './schema.ts'
import {
  type Cursor,
  cutShort,
  isText,
  malformed,
  readLength,
  readVarint32,
  skipField,
  skipVarint,
} from './wire.ts'

/** What runs over the bytes of a request, and what it has seen there. */
export interface Checker extends Cursor {
  count: (leastBytes?: number) => void
  keys: Prefixes
  /** A key or a span's name began with something telling since this was last set to false. */
  told: boolean
  /** Where a string is no UTF-8; -1 as long as there is none. */
  badTextAt: number
  /** How many resources, scopes and items were malformed. */
  faults: number
}

/** Spans of these names are an action, or the wait for one, whatever their attributes. */
const NAMES = createPrefixes(['execute_tool', 'await_approval'])
const SPAN_NAME = 5

export const createChecker = (bytes: Uint8Array, telling: readonly string[]): Checker => ({
  bytes,
  at: 0,
  count: createPartCounter(bytes.length),
  keys: createPrefixes(telling),
  told: false,
  badTextAt: -1,
  faults: 0,
})

/**
 * Runs to the end of one message, and throws INVALID_INPUT where its bytes are none: what has passed can be read
 * without a doubt. Protobuf leaves it to readers what they make of a field that comes twice or of two members of a
 * oneof; nobody honest writes them, and two readers that differ here would let one store what the other never saw.
 */
export function checkMessage(checker: Checker, message: Message, end: number, depth = 0): void {
  const { fields } = message
  let seen = 0
  while (checker.at < end) {
    const tag = readVarint32(checker)
    const no = tag >>> 3
    const field = no <= MAX_FIELD ? fields[no] : undefined
    if (field === undefined) {
      skipField(checker, tag, end)
      continue
    }
    if ((seen & field.once) !== 0)
      throw malformed(checker.at, `${field.name} of ${message.name} is there twice`)
    seen |= field.once
    const wire = tag & 7
    if (wire === field.wire) {
      if (wire === WIRE.bytes) checkBytes(checker, message, field, end, depth)
      else if (wire === WIRE.varint) skipVarint(checker)
      else checker.at += wire === WIRE.bit64 ? 8 : 4
    } else if (wire === field.packed) skipField(checker, tag, end)
    else throw malformed(checker.at, `${field.name} of ${message.name} has wire type ${wire}`)
  }
  if (checker.at !== end) throw cutShort(checker)
}

function checkBytes(checker: Checker, message: Message, field: Field, end: number, depth: number): void {
  const from = checker.at
  const to = readLength(checker, end) + checker.at
  if (field.type === 'message') {
    checker.count(field.leastBytes)
    const below = message === ANY_VALUE ? depth + 1 : depth
    if (below >= MAX_VALUE_DEPTH)
      throw malformed(from, `attribute values are nested deeper than ${MAX_VALUE_DEPTH}`)
    checkMessage(checker, field.message, to, below)
  } else if (field.packed !== undefined) checkPacked(checker, field, to)
  else {
    if (field.type === 'string') checkText(checker, message, field, to)
    checker.at = to
  }
}

function checkText(checker: Checker, message: Message, field: Field, to: number): void {
  const { bytes, at } = checker
  if (!isText(bytes, at, to)) checker.badTextAt = at
  if (message === KEY_VALUE) {
    if (field.no === 1 && beginsWithOne(checker.keys, bytes, at, to)) checker.told = true
  } else if (message === SPAN && field.no === SPAN_NAME && beginsWithOne(NAMES, bytes, at, to))
    checker.told = true
}

function checkPacked(checker: Checker, field: Field, to: number): void {
  if (field.packed === WIRE.varint) while (checker.at < to) skipVarint(checker)
  else if ((to - checker.at) % 8 === 0) checker.at = to
  if (checker.at !== to) throw malformed(checker.at, `the list ${field.name} ends within a number`)
}
