import type { TraceRef, Verification } from '#contract'
import type { FindingRow, Store } from '#store'
import type { Span } from './otlp/span.ts'
import type { Judged } from './verification/judge.ts'

const ALARMS: readonly Verification[] = ['missing', 'forged', 'unbound', 'replayed']
const isAlarm = (verification: Verification): boolean => ALARMS.includes(verification)

/** What has been found of a span before: whether it was an alarm, and of which contents. */
interface Earlier {
  alarm: boolean
  contents: Set<string>
}
export type Standing = ReadonlyMap<string, Earlier>

const KEYS_AT_ONCE = 2_000

/** The findings that stand under the ids of these spans. */
export async function readStanding(judged: Iterable<Judged>, store: Pick<Store, 'query'>): Promise<Standing> {
  const keys = [...new Set([...judged].map(({ claim }) => sqlKey(claim.trace)))]
  const standing = new Map<string, Earlier>()
  for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
    const rows = await store.query<Row>(
      `SELECT trace_id AS traceId, span_id AS spanId, verification, content_digest FROM holdpoint_findings
       WHERE (trace_id, span_id) IN (${keys.slice(from, from + KEYS_AT_ONCE).join(', ')})`,
    )
    for (const { verification, content_digest, ...trace } of rows) {
      const earlier = standing.get(keyOf(trace)) ?? { alarm: false, contents: new Set() }
      earlier.alarm ||= isAlarm(verification)
      // Findings from before there was such a column have none.
      if (content_digest !== '') earlier.contents.add(content_digest)
      standing.set(keyOf(trace), earlier)
    }
  }
  return standing
}

/**
 * A second span with the ids of one that was judged before has used its approval, even where this process has never
 * seen the first: it was restarted, or another one has judged that.
 */
export function markReplays(judged: Map<Span, Judged>, standing: Standing): void {
  for (const [span, { claim, verdict }] of judged) {
    if (verdict.verification !== 'verified') continue
    const contents = standing.get(keyOf(claim.trace))?.contents
    if (contents === undefined || contents.size === 0) continue
    if (contents.size === 1 && contents.has(claim.contentDigest())) continue
    const detail = 'another span with these ids was judged before'
    judged.set(span, { claim, verdict: { ...verdict, verification: 'replayed', detail } })
  }
}

/**
 * The findings that may be written. A later finding takes the place of an earlier one of the same span, so whoever
 * was found out, or will be, could send a harmless span under the same ids: it takes the place of no alarm, and of
 * no finding of another content.
 */
export function dropCoverUps(findings: readonly FindingRow[], standing: Standing): FindingRow[] {
  const alarming = new Set(findings.filter(({ verification }) => isAlarm(verification)).map(keyOfRow))
  const first = new Map<string, string>()
  return findings.filter((finding) => {
    if (isAlarm(finding.verification)) return true
    const key = keyOfRow(finding)
    const { alarm = false, contents = new Set() } = standing.get(key) ?? {}
    if (alarm || alarming.has(key)) return false
    if (!first.has(key)) first.set(key, finding.content_digest)
    const isKnown = contents.size === 0 || contents.has(finding.content_digest)
    return isKnown && first.get(key) === finding.content_digest
  })
}

type Row = TraceRef & Pick<FindingRow, 'verification' | 'content_digest'>

const keyOf = ({ traceId, spanId }: TraceRef): string => `${traceId}:${spanId}`
const keyOfRow = ({ trace_id, span_id }: FindingRow): string => `${trace_id}:${span_id}`

/** Ids that were admitted are hex digits; as parameters, so many would not fit into a URL. */
function sqlKey({ traceId, spanId }: TraceRef): string {
  if (!/^[0-9a-f]{32}:[0-9a-f]{16}$/.test(keyOf({ traceId, spanId }))) throw new Error('ids that are none')
  return `('${traceId}', '${spanId}')`
}
