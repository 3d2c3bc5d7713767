import type { Verification } from '#contract'
import type { FindingRow, Store } from '#store'

const ALARMS: readonly Verification[] = ['missing', 'forged', 'unbound', 'replayed']
/** Parameters travel in the query's address, which has its limits. */
const TRACES_AT_ONCE = 200

const isAlarm = ({ verification }: FindingRow): boolean => ALARMS.includes(verification)

/**
 * The findings that may be written. A later finding takes the place of an earlier one of the same span, so whoever
 * was found out could send a harmless span under the same ids: it does not take the place of an alarm.
 */
export async function dropCoverUps(
  findings: readonly FindingRow[],
  store: Pick<Store, 'query'>,
): Promise<FindingRow[]> {
  const harmless = findings.filter((finding) => !isAlarm(finding))
  const alarming = new Set(findings.filter(isAlarm).map(keyOf))
  const traceIds = [...new Set(harmless.map(({ trace_id }) => trace_id))]
  for (let from = 0; from < traceIds.length; from += TRACES_AT_ONCE) {
    const standing = await store.query<Pick<FindingRow, 'trace_id' | 'span_id'>>(
      `SELECT trace_id, span_id FROM holdpoint_findings
       WHERE trace_id IN {traceIds:Array(String)} AND verification IN {alarms:Array(String)}`,
      { traceIds: traceIds.slice(from, from + TRACES_AT_ONCE), alarms: ALARMS },
    )
    for (const row of standing) alarming.add(keyOf(row))
  }
  return findings.filter((finding) => isAlarm(finding) || !alarming.has(keyOf(finding)))
}

const keyOf = ({ trace_id, span_id }: Pick<FindingRow, 'trace_id' | 'span_id'>): string =>
  `${trace_id}:${span_id}`
