import { hash } from 'node:crypto'
import { FINDING_COLUMNS, type RowBlock } from '#store'
import { type Blocks, createBlocks } from './blocks.ts'
import { put64, putAscii, putHex, putNano } from './bytes.ts'
import { TRACE_COLUMNS } from './columns.ts'
import { hexOf, nanoText, type Place, type SpanSink, type SpanText } from './span.ts'
import { type ContentSlot, createTemplate, type FindingTemplate, type Template } from './template.ts'

export interface SpanWriter extends SpanSink {
  /** Inserts that are full. */
  full(): RowBlock[]
  finish(): RowBlock[]
  /** Rows so far. */
  count(): { spans: number; findings: number }
}

/** Timestamp, two ids with their lengths, and the parent's. */
const HEAD_BYTES = 8 + 33 + 17 + 17

/** Spans become rows by copying what all of their kind have alike, and filling the holes: no text, no objects. */
export function createSpanWriter(): SpanWriter {
  const templates = new WeakMap<SpanText, Template>()
  const spans = createBlocks('otel_traces', TRACE_COLUMNS)
  const findings = createBlocks('holdpoint_findings', FINDING_COLUMNS)
  const count = { spans: 0, findings: 0 }

  function templateOf(text: SpanText): Template {
    const known = templates.get(text)
    if (known) return known
    const made = createTemplate(text)
    templates.set(text, made)
    return made
  }

  return {
    add(text, place) {
      const template = templateOf(text)
      writeSpan(spans, template, place)
      count.spans++
      if (template.finding === undefined) return
      writeFinding(findings, template.finding, place)
      count.findings++
    },
    full: () => [...spans.full(), ...findings.full()],
    finish: () => [...spans.finish(), ...findings.finish()],
    count: () => count,
  }
}

function writeSpan({ bytes, endRow }: Blocks, { row, durationAt, holes }: Template, place: Place): void {
  const { trace, id, parent, digest = [] } = place
  bytes.reserve(HEAD_BYTES + row.length)
  const { data } = bytes
  let { at } = bytes
  putNano(data, at, place.startUs)
  at = putId(data, putId(data, at + 8, trace), id)
  if (parent === undefined) data[at++] = 0
  else at = putId(data, at, parent)
  data.set(row, at)
  putNano(data, at + durationAt, place.durationUs)
  for (const hole of holes) {
    if (hole.slot === 'span') putWords(data, at + hole.at, id, 2)
    else if (hole.slot === 'trace') putWords(data, at + hole.at, trace, 2)
    else putWords(data, at + hole.at, digest, 8)
  }
  bytes.at = at + row.length
  endRow()
}

function putId(data: Uint8Array, at: number, words: readonly number[]): number {
  data[at] = 8 * words.length
  putWords(data, at + 1, words, words.length)
  return at + 1 + 8 * words.length
}

function putWords(data: Uint8Array, at: number, words: readonly number[], count: number): void {
  for (let word = 0; word < count; word++) putHex(data, at + 8 * word, words[word] as number)
}

const DIGEST_PREFIX = 'sha-256:'
const DIGEST_CHARS = DIGEST_PREFIX.length + 64

function writeFinding({ bytes, endRow }: Blocks, template: FindingTemplate, place: Place): void {
  const { trace, id, parent, startUs, receivedMs = 0, judgedMs = 0 } = place
  const { middle, reason, isEffect, isAlarm, content } = template
  bytes.reserve(HEAD_BYTES + middle.length + reason.length + 2 * (1 + DIGEST_CHARS) + 64)
  const { data } = bytes
  let at = putId(data, putId(data, bytes.at, trace), id)
  putNano(data, at, startUs)
  data.set(middle, at + 8)
  at += 8 + middle.length
  const digest = DIGEST_PREFIX + hash('sha256', contentText(content, place), 'hex')
  at = putDigest(data, at, digest)
  put64(data, at, judgedMs)
  at += 8
  const above = parent ?? []
  at = parent === undefined ? putEmpty(data, at) : putId(data, at, above)
  at = isEffect ? putId(data, at, above) : putEmpty(data, at)
  data.set(reason, at)
  at += reason.length
  put64(data, at, receivedMs)
  at = putDigest(data, at + 8, digest)
  data[at] = isAlarm ? 1 : 0
  bytes.at = at + 1
  endRow()
}

function putDigest(data: Uint8Array, at: number, digest: string): number {
  data[at] = DIGEST_CHARS
  putAscii(data, at + 1, digest)
  return at + 1 + DIGEST_CHARS
}

function putEmpty(data: Uint8Array, at: number): number {
  data[at] = 0
  return at + 1
}

function contentText(content: FindingTemplate['content'], place: Place): string {
  let text = ''
  for (const part of content) text += typeof part === 'string' ? part : fill(part, place)
  return text
}

function fill({ slot }: ContentSlot, { trace, id, parent, startUs, durationUs, digest }: Place): string {
  switch (slot) {
    case 'traceId':
      return hexOf(trace)
    case 'trace':
      return hexOf(trace.slice(0, 2))
    case 'spanId':
    case 'span':
      return hexOf(id)
    case 'parentId':
      return hexOf(parent ?? [])
    case 'digest':
      return hexOf(digest ?? [])
    case 'start':
      return nanoText(startUs)
    case 'end':
      return nanoText(startUs + durationUs)
  }
}
