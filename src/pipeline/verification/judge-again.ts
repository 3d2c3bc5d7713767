import { type Digest, isAlarming } from '#contract'
import type { Component, Log } from '#runtime'
import { type FindingRow, type Store, unixNanoText } from '#store'
import { judgedAgain } from '../finding-rows.ts'
import { decodeClaim } from './claim-text.ts'
import type { Verifier } from './verifier.ts'

export interface SecondLook extends Component {
  /** How many findings have another word now. */
  run(): Promise<number>
}

export interface SecondLookDeps {
  judgeAgain: Verifier['judgeAgain']
  store: Pick<Store, 'query' | 'insertFindings'>
  announce(rows: readonly FindingRow[]): Promise<void>
  now: () => number
  log: Log
}

const EVERY_MS = 10_000
const AT_ONCE = 500

/**
 * What could not be verified because the ledger could not be read is judged again once it can be, by the claim that
 * its row carries and as of its arrival. Several pipelines may look at the same rows: they find the same. The span
 * itself was stored as `unverifiable`, and stays so; verdicts are read from findings.
 */
export function createSecondLook({ judgeAgain, store, announce, now, log }: SecondLookDeps): SecondLook {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<unknown> | undefined

  async function run(): Promise<number> {
    for (let changed = 0; ; ) {
      const rows = await readRows(store)
      if (rows.length === 0) return changed
      const asked = rows.map((row) => ({
        claim: decodeClaim(row.claim, row.content_digest as Digest),
        receivedAtMs: row.received_at,
      }))
      const verdicts = await judgeAgain(asked)
      // It cannot be read now either.
      if (verdicts.some(({ reason }) => reason === 'ledger')) return changed
      const again = verdicts.flatMap((verdict, index) => {
        const [row, one] = [rows[index], asked[index]]
        return row && one ? [judgedAgain(row, one.claim, verdict, laterThan(row))] : []
      })
      await write(rows, again)
      changed += again.length
      log.info('findings were judged again, now that the ledger can be read', { findings: again.length })
    }
  }

  /** The later row stands, and clocks are set back or differ: one that stood behind would be judged again for ever. */
  const laterThan = (row: FindingRow): number => Math.max(now(), row.judged_at + 1)

  /** An alarm is told before its row is settled: until then whoever looks next finds it, and tells it. */
  async function write(rows: readonly FindingRow[], again: readonly FindingRow[]): Promise<void> {
    const token = `judged again ${rows[0]?.trace_id}${rows[0]?.span_id} ${rows.length} ${now()}`
    const alarms = again.filter(({ verification }) => isAlarming(verification))
    await store.insertFindings(alarms, `${token} alarms`)
    await announce(again)
    // An alarm stands beside what was said before, which is settled all the same.
    const alarming = new Set(alarms.map(({ content_digest }) => content_digest))
    const settled = rows
      .filter(({ content_digest }) => alarming.has(content_digest))
      .map((row) => ({ ...row, reason: '' as const, claim: '', judged_at: laterThan(row) }))
    const others = again.filter(({ verification }) => !isAlarming(verification))
    await store.insertFindings([...settled, ...others], token)
  }

  async function look(): Promise<void> {
    try {
      await run()
    } catch (error) {
      log.warn('findings cannot be judged again now', { error })
    }
  }

  return {
    name: 'second look',
    run,
    async start() {
      timer = setInterval(() => {
        running ??= look().finally(() => {
          running = undefined
        })
      }, EVERY_MS)
      timer.unref()
    },
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}

type Kept = FindingRow & Required<Pick<FindingRow, 'claim' | 'received_at'>>

async function readRows(store: Pick<Store, 'query'>): Promise<Kept[]> {
  const rows = await store.query<Kept & { ns: string; received_ms: number; judged_ms: number }>(
    `SELECT * EXCEPT (content, alarm, timestamp, judged_at, received_at),
       toString(toUnixTimestamp64Nano(timestamp)) AS ns,
       toUnixTimestamp64Milli(received_at) AS received_ms,
       toUnixTimestamp64Milli(judged_at) AS judged_ms
     FROM holdpoint_findings FINAL
     WHERE reason = 'ledger' AND claim != ''
     ORDER BY received_at, trace_id, span_id
     LIMIT ${AT_ONCE}`,
  )
  return rows.map(({ ns, received_ms, judged_ms, ...row }) => ({
    ...row,
    timestamp: unixNanoText(BigInt(ns)),
    received_at: received_ms,
    judged_at: judged_ms,
  }))
}
