import type { SpanOutcome, Verification } from '#contract'

/** As OTLP says them. */
export const KIND = { internal: 1, server: 2, client: 3 } as const
export type Kind = (typeof KIND)[keyof typeof KIND]

/** Whole numbers are `bigint`, as they arrive from an SDK that sends `intValue`. */
export type Value = string | bigint | boolean | readonly string[]
export type Attributes = Readonly<Record<string, Value>>

/** Of the process that a span comes from. */
export interface Service {
  name: string
  attributes: Attributes
}

/** All of a span that many have alike: everything but its ids and times. */
export interface SpanText {
  service: Service
  scope: Scope
  name: string
  kind: Kind
  /** As its process sends them; `MARK` stands for what each span has of its own. */
  attributes: Attributes
  /** Of one that ended with an error. */
  error?: { message: string }
  /** The span that asked for what this one runs. */
  link?: { trace: TraceId; span: SpanId }
  /** What the pipeline finds of it; absent where it is no action. */
  judgement?: Judgement
}

export interface Scope {
  name: string
  version: string
}

export interface Judgement {
  verification: Verification
  reason: '' | 'span'
  detail: string
  /** As they are stored: what the pipeline says in the place of what the span claims. */
  attributes: Attributes
  /** Columns of the finding. */
  agent: string
  kind: string
  name: string
  target: string
  ruling: string
  rule: string
  policyVersion: number
  requestId: string
  outcome: SpanOutcome
  /** Its parent, where it is what an approved action did. */
  isEffect: boolean
}

/** 128 bits. */
export type TraceId = readonly [number, number, number, number]
/** 64 bits. */
export type SpanId = readonly [number, number]

/** What one span has of its own. Microseconds since the epoch: whole numbers that fit into a double. */
export interface Place {
  trace: TraceId
  id: SpanId
  parent?: SpanId
  startUs: number
  durationUs: number
  /** Of the action's digest, where there is one that no broker took: 256 bits. */
  digest?: readonly number[]
  /** When the pipeline got it, and when it had judged it; milliseconds. */
  receivedMs?: number
  judgedMs?: number
}

export const LENGTH = { span: 16, trace: 16, digest: 64 } as const
export type Slot = keyof typeof LENGTH

/** Stands in an attribute for hex digits of the span's own, as many as will take its place. */
export const MARK: Readonly<Record<Slot, string>> = {
  /** The span's id. */
  span: '\u0001span'.padEnd(LENGTH.span, '_'),
  /** The first half of the trace's id. */
  trace: '\u0001trace'.padEnd(LENGTH.trace, '_'),
  digest: '\u0001digest'.padEnd(LENGTH.digest, '_'),
}

const SLOTS = Object.keys(LENGTH) as Slot[]

const BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Eight lowercase digits for each word. */
export function hexOf(words: readonly number[]): string {
  let text = ''
  for (const word of words) for (let shift = 24; shift >= 0; shift -= 8) text += BYTES[(word >>> shift) & 255]
  return text
}

/** As OTLP and ClickHouse write an attribute's value. */
export const textOf = (value: Value): string =>
  typeof value === 'object' ? JSON.stringify(value) : String(value)

/** The instant in nanoseconds, as digits. */
export const nanoText = (us: number): string => `${us}000`

/** The attributes of one span, as its process sends them. */
export function attributesOf({ attributes }: SpanText, { trace, id, digest = [] }: Place): Attributes {
  const fill = { trace: hexOf(trace.slice(0, 2)), span: hexOf(id), digest: hexOf(digest) }
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [
      key,
      typeof value === 'string'
        ? SLOTS.reduce((text, slot) => text.replace(MARK[slot], fill[slot]), value)
        : value,
    ]),
  )
}

/** Whoever makes a week says each of its spans to one of these. */
export interface SpanSink {
  add(text: SpanText, place: Place): void
}
