import { beforeAll, describe, expect, it } from 'vitest'
import { decodeEntry, type LedgerEntry, type PolicyEntry, type Registration } from '#contract'
import { parsePolicy } from '#policy'
import {
  AGENTS,
  attributesOf,
  createSpanWriter,
  generateWeek,
  hexOf,
  INCIDENTS,
  type Place,
  readPolicies,
  type SpanText,
} from '#seed'
import type { FindingRow, RowBlock } from '#store'
import { findingRowsOf } from '../../src/pipeline/finding-rows.ts'
import { scanTraces } from '../../src/pipeline/otlp/scan.ts'
import { createRowWriter } from '../../src/pipeline/row-binary.ts'
import { traceBlocks } from '../../src/pipeline/rows/traces.ts'
import { createLedgerView } from '../../src/pipeline/verification/ledger-view.ts'
import { createPolicyTable } from '../../src/pipeline/verification/rerule.ts'
import { rewrite } from '../../src/pipeline/verification/rewrite.ts'
import { createVerifier } from '../../src/pipeline/verification/verifier.ts'
import { encodeProtobuf, type Sample } from './encode.ts'

/**
 * Spans of a seeded week, sent to the pipeline's own verification as their processes would have sent them: all that
 * people were asked about, or that something was found of, and a share of the others.
 */
const OPTIONS = { spans: 40_000, seed: 5, endsAtMs: Date.UTC(2026, 10, 20, 12), incidents: INCIDENTS }

interface Compared {
  name: string
  isAction: boolean
  isResumed: boolean
  /** In RowBinary: as the seed writes it, and as the pipeline does. */
  seeded: { span: string; finding: string }
  found: { span: string; finding: string }
  verification: string
}

let compared: Compared[]
beforeAll(async () => {
  const spans: { text: SpanText; place: Place; receivedMs: number }[] = []
  const entries: LedgerEntry[] = []
  let seen = 0
  const watch = {
    add(text: SpanText, place: Place) {
      const receivedMs = place.receivedMs ?? Math.ceil((place.startUs + place.durationUs) / 1000)
      seen++
      if (seen % 25 === 0 || isTelling(text)) spans.push({ text, place, receivedMs })
    },
  }
  for (const part of generateWeek(OPTIONS, watch))
    if (part.of === 'ledger') entries.push(...part.rows.map(({ statement }) => decodeEntry(statement)))
  spans.sort((one, other) => one.receivedMs - other.receivedMs)
  compared = await compareAll(spans, entries)
}, 60_000)

const isTelling = ({ name, judgement }: SpanText): boolean =>
  judgement === undefined ? /_approval /.test(name) : judgement.verification !== 'not_required'

async function compareAll(
  spans: readonly { text: SpanText; place: Place; receivedMs: number }[],
  entries: readonly LedgerEntry[],
): Promise<Compared[]> {
  const view = createLedgerView()
  let applied = 0
  let nowMs = 0
  const tables = readPolicies().map(({ source, version }) =>
    createPolicyTable(parsePolicy(source), {
      version,
      hash: (entries.find((entry) => entry.type === 'policy' && entry.version === version) as PolicyEntry)
        .hash,
    }),
  )
  const environments = new Map(AGENTS.map(({ id, environment }) => [id, { environment } as Registration]))
  const verifier = createVerifier({
    view,
    now: () => nowMs,
    reader: {
      async read() {
        for (let next = entries[applied]; next && next.at <= nowMs; next = entries[++applied])
          view.apply(next)
        return true
      },
    },
    policies: {
      prepare: async () => {},
      table: ({ version }) => tables.find((table) => table.version === version),
      known: () => tables,
    },
    registrations: { prepare: async () => {}, of: (id) => environments.get(id) },
    store: { query: async () => [] },
  })
  const all: Compared[] = []
  const writer = createSpanWriter()
  for (const { text, place, receivedMs } of spans) {
    nowMs = receivedMs
    const body = encodeProtobuf({
      resource: text.service.attributes as Record<string, Sample>,
      scope: text.scope,
      spans: [sampleOf(text, place)],
    })
    const ranges = scanTraces(body, verifier.tellingPrefixes())
    const judged = await verifier.judge([{ ranges, receivedAtMs: receivedMs }])
    const [row] = findingRowsOf(judged, place.judgedMs ?? 0)
    const blocks = [...traceBlocks([ranges], [rewrite(ranges, judged, view)])]
    writer.add(text, place)
    const seeded = writer.finish()
    all.push({
      name: text.name,
      isAction: text.judgement !== undefined,
      isResumed: text.link !== undefined,
      seeded: { span: dataOf('otel_traces', seeded), finding: dataOf('holdpoint_findings', seeded) },
      found: { span: dataOf('otel_traces', blocks), finding: row === undefined ? '' : encodeFinding(row) },
      verification: row?.verification ?? '',
    })
  }
  return all
}

const sampleOf = (text: SpanText, place: Place) => ({
  traceId: hexOf(place.trace),
  spanId: hexOf(place.id),
  ...(place.parent === undefined ? {} : { parentSpanId: hexOf(place.parent) }),
  name: text.name,
  kind: text.kind,
  startNs: BigInt(place.startUs) * 1000n,
  endNs: BigInt(place.startUs + place.durationUs) * 1000n,
  attributes: attributesOf(text, place) as Record<string, Sample>,
  links: text.link === undefined ? [] : [{ traceId: hexOf(text.link.trace), spanId: hexOf(text.link.span) }],
  status: { code: text.error ? 2 : 0, message: text.error?.message ?? '' },
})

/** A character for each byte: what differs can be read. */
const dataOf = (table: string, blocks: readonly RowBlock[]): string =>
  blocks
    .filter((block) => block.table === table)
    .map(({ data }) => Buffer.from(data).toString('latin1'))
    .join('')

/** In the order of the columns that the seed names. */
function encodeFinding(row: FindingRow): string {
  const writer = createRowWriter()
  const nanoseconds = BigInt(row.timestamp.replace('.', ''))
  writer.string(row.trace_id)
  writer.string(row.span_id)
  writer.uint64(nanoseconds)
  for (const text of [
    row.service_name,
    row.agent,
    row.environment,
    row.kind,
    row.name,
    row.target,
    row.ruling,
    row.rule,
  ])
    writer.string(text)
  writer.uint64(BigInt(row.policy_version))
  for (const text of [row.request_id, row.outcome, row.verification, row.detail, row.content_digest])
    writer.string(text)
  writer.uint64(BigInt(row.judged_at))
  for (const text of [row.parent_span_id, row.effect_of, row.reason, row.claim]) writer.string(text ?? '')
  writer.uint64(BigInt(row.received_at ?? 0))
  writer.string(row.content_digest)
  writer.uint8(['missing', 'forged', 'unbound', 'replayed'].includes(row.verification) ? 1 : 0)
  return Buffer.from(writer.take()).toString('latin1')
}

const differing = (what: 'span' | 'finding') =>
  compared.filter(({ seeded, found }) => seeded[what] !== found[what]).slice(0, 3)

describe('a seeded week', () => {
  it('seeded week - every finding is the one that the pipeline makes, byte for byte', () => {
    expect(compared.filter(({ isAction }) => isAction).length).toBeGreaterThan(300)
    expect(differing('finding')).toEqual([])
  })

  it('seeded week - every span is stored as the pipeline stores it, byte for byte', () => {
    expect(compared.length).toBeGreaterThan(1_500)
    expect(differing('span')).toEqual([])
  })

  it('seeded week - what was asked in one trace runs in another, or is refused there', () => {
    const resumed = compared.filter(({ isResumed }) => isResumed).map(({ verification }) => verification)
    expect(resumed).toContain('verified')
  })

  it('seeded week - every verdict that incidents are found by is there', () => {
    expect([...new Set(compared.map(({ verification }) => verification))].toSorted()).toEqual([
      '',
      'forged',
      'missing',
      'not_required',
      'observed',
      'refused',
      'replayed',
      'unbound',
      'unverifiable',
      'verified',
    ])
  })
})
