import { createBytes } from './bytes.ts'
import { type Attributes, hexOf, MARK, type Slot, type SpanText, textOf } from './span.ts'

/** A span's row and its finding's, with holes: the text of a span is encoded once for all that have it. */
export interface Template {
  /** The row from TraceState on. */
  row: Uint8Array
  /** Where in `row` the nanoseconds of its duration go. */
  durationAt: number
  holes: readonly Hole[]
  finding?: FindingTemplate
}

/** Where in a row hex digits of the span go. */
export interface Hole {
  slot: Slot
  at: number
}

export interface FindingTemplate {
  /** The columns from service_name to detail. */
  middle: Uint8Array
  /** `reason` and `claim`. */
  reason: Uint8Array
  isEffect: boolean
  isAlarm: boolean
  /** What the content digest is taken of: constant text, and what stands between. */
  content: readonly (string | ContentSlot)[]
}

export type ContentSlot = { slot: Slot | 'traceId' | 'spanId' | 'parentId' | 'start' | 'end' }

const KINDS = ['Unspecified', 'Internal', 'Server', 'Client']
const bytes = createBytes()

export function createTemplate(text: SpanText): Template {
  const { service, scope, judgement, error, link } = text
  bytes.string('')
  bytes.string(text.name)
  bytes.string(KINDS[text.kind] as string)
  bytes.map(entriesOf(service.attributes))
  bytes.string(service.name)
  bytes.string(scope.name)
  bytes.string(scope.version)
  bytes.map(entriesOf(judgement?.attributes ?? text.attributes))
  const durationAt = bytes.at
  bytes.uint64(0)
  bytes.string(error ? 'Error' : 'Unset')
  bytes.string(error?.message ?? '')
  for (let column = 0; column < 3; column++) bytes.varint(0)
  const links = link === undefined ? [] : [link]
  bytes.list(links, ({ trace }) => bytes.string(hexOf(trace)))
  bytes.list(links, ({ span }) => bytes.string(hexOf(span)))
  bytes.list(links, () => bytes.string(''))
  bytes.list(links, () => bytes.map([]))
  const row = bytes.take()
  return {
    row,
    durationAt,
    holes: holesOf(row),
    ...(judgement ? { finding: findingOf(text, judgement) } : {}),
  }
}

function findingOf(text: SpanText, judgement: NonNullable<SpanText['judgement']>): FindingTemplate {
  const { service } = text
  bytes.string(service.name)
  bytes.string(judgement.agent)
  bytes.string(textOf(service.attributes['deployment.environment.name'] ?? ''))
  bytes.string(judgement.kind)
  bytes.string(judgement.name)
  bytes.string(judgement.target)
  bytes.string(judgement.ruling)
  bytes.string(judgement.rule)
  bytes.uint64(judgement.policyVersion)
  bytes.string(judgement.requestId)
  bytes.string(judgement.outcome)
  bytes.string(judgement.verification)
  bytes.string(judgement.detail)
  const middle = bytes.take()
  bytes.string(judgement.reason)
  bytes.string('')
  return {
    middle,
    reason: bytes.take(),
    isEffect: judgement.isEffect,
    isAlarm: ALARMS.has(judgement.verification),
    content: contentOf(text),
  }
}

const ALARMS = new Set(['missing', 'forged', 'unbound', 'replayed'])

const entriesOf = (attributes: Attributes): [string, string][] =>
  Object.keys(attributes)
    .sort()
    .map((key) => [key, textOf(attributes[key] as never)])

function holesOf(row: Uint8Array): Hole[] {
  const found = Buffer.from(row.buffer, row.byteOffset, row.byteLength)
  return (Object.keys(MARK) as Slot[]).flatMap((slot) => {
    const holes: Hole[] = []
    for (let at = found.indexOf(MARK[slot]); at !== -1; at = found.indexOf(MARK[slot], at + 1))
      holes.push({ slot, at })
    return holes
  })
}

/** The pipeline's own order of what a span says; of its types as well, because 1 and "1" are stored alike. */
function contentOf({ name, kind, attributes, link, error }: SpanText): FindingTemplate['content'] {
  const pairs = Object.keys(attributes)
    .sort()
    .map((key) => [key, typeof attributes[key], textOf(attributes[key] as never)])
  const links = link === undefined ? [] : [[hexOf(link.trace), hexOf(link.span), '', []]]
  const mark = (slot: string): string => `\u0002${slot}\u0002`
  const text = JSON.stringify([
    mark('traceId'),
    mark('spanId'),
    mark('parentId'),
    '',
    name,
    kind,
    mark('start'),
    mark('end'),
    pairs,
    [],
    links,
    error ? 2 : 0,
    error?.message ?? '',
  ])
  return (Object.keys(MARK) as Slot[])
    .reduce((all, slot) => all.replaceAll(JSON.stringify(MARK[slot]).slice(1, -1), mark(slot)), text)
    .replaceAll('\\u0002', '\u0002')
    .split('\u0002')
    .map((part, index) => (index % 2 === 0 ? part : ({ slot: part } as ContentSlot)))
}
