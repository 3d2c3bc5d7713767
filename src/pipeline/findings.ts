import { JetStreamApiError, jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { type Digest, type Finding, findingSubject, HoldpointError, isAlarming } from '#contract'
import type { Log } from '#runtime'
import type { FindingRow } from '#store'
import type { Measures } from './telemetry.ts'

export { findingRowsOf } from './finding-rows.ts'

export interface Findings {
  /**
   * Tells others of what somebody has to look at: alarms, and what could not be verified. Each subject is written
   * once, so telling again changes nothing. Throws UNAVAILABLE, retryable, where NATS does not take one in time.
   */
  publish(rows: readonly FindingRow[]): Promise<void>
}

const TIMEOUT_MS = 5_000
const AT_ONCE = 256
/** Another message is the subject's last: it was told before. */
const ALREADY_THERE = new Set([10071, 10164])

export function createFindings({
  nc,
  measures,
  log,
}: {
  nc: NatsConnection
  measures: Pick<Measures, 'verdict'>
  log: Log
}): Findings {
  async function tell(finding: Finding): Promise<void> {
    const subject = findingSubject(finding.verification, finding.traceId, finding.spanId)
    try {
      await jetstream(nc, { timeout: TIMEOUT_MS }).publish(subject, JSON.stringify(finding), {
        expect: { lastSubjectSequence: 0 },
        retries: 1,
      })
    } catch (cause) {
      if (cause instanceof JetStreamApiError && ALREADY_THERE.has(cause.code)) return
      throw new HoldpointError('UNAVAILABLE', `a finding cannot be published on ${subject}`, {
        cause,
        retryable: true,
      })
    }
  }

  return {
    async publish(rows) {
      const told = rows.filter(
        ({ verification }) => isAlarming(verification) || verification === 'unverifiable',
      )
      for (let from = 0; from < told.length; from += AT_ONCE)
        await Promise.all(told.slice(from, from + AT_ONCE).map((row) => tell(toFinding(row))))
      for (const { verification } of rows) measures.verdict(verification)
      if (told.length > 0) log.debug('findings were published', { findings: told.length })
    },
  }
}

const toFinding = (row: FindingRow): Finding => ({
  v: 1,
  verification: row.verification,
  detail: row.detail,
  traceId: row.trace_id,
  spanId: row.span_id,
  contentDigest: row.content_digest as Digest,
  service: row.service_name,
  agent: row.agent,
  environment: row.environment,
  kind: row.kind,
  name: row.name,
  ...(row.target === '' ? {} : { target: row.target }),
  outcome: row.outcome,
  ...(row.ruling === ''
    ? {}
    : { ruling: { effect: row.ruling, rule: row.rule, policyVersion: row.policy_version } }),
  ...(row.request_id === '' ? {} : { requestId: row.request_id }),
  startedAtMs: Math.floor(Number(row.timestamp) * 1000),
  judgedAtMs: row.judged_at,
})
