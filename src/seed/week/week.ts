import type { ErrorCode, PolicyEntry } from '#contract'
import { observesAnywhere } from '#policy'
import type { Incident, SeedOptions } from '../options.ts'
import { WEEK_MS } from '../options.ts'
import { createRandom, type Random } from '../random.ts'
import type { SpanSink } from '../spans/span.ts'
import type { Recorded } from '../traffic/judgement.ts'
import { readPolicies, type SeededPolicy } from '../world/policy.ts'
import { createLedger, type Ledger } from './ledger.ts'
import { createVolume, type Volume } from './volume.ts'

/** What everything in a week has in common: its time, its rules, and where it is written. */
export interface Week {
  options: SeedOptions
  fromMs: number
  /** Nothing that happens later is part of it: what goes on then has not happened yet. */
  untilMs: number
  policyAt(atMs: number): SeededPolicy
  policies: readonly { atMs: number; policy: SeededPolicy }[]
  /** Where spans go. One that ends after the week is dropped: its process has not sent it yet. */
  sink: SpanSink
  ledger: Ledger
  volume: Volume
  /** Of everything that was asked, for logs and metrics. */
  requests: Recorded[]
  /** Reviews that the broker refused, of which nothing is in the ledger. */
  refusedReviews: { atMs: number; code: ErrorCode }[]
  /** Times at which something of Holdpoint's own was not as it should be; milliseconds. */
  troubles: Map<Incident, { fromMs: number; toMs: number }>
  /** Of its own for each name, whatever else is in the week. */
  random(name: string): Random
}

/** Until a span that has ended is received and judged. */
export const SENT_WITHIN_MS = 6_000
/** In the middle of a working week, whenever the seeded one ends. */
const CHANGED_AFTER = 0.47

export function createWeek(options: SeedOptions, sink: SpanSink): Week {
  const { endsAtMs, seed } = options
  const fromMs = endsAtMs - WEEK_MS
  const [first, second] = readPolicies()
  const policies = [
    { atMs: fromMs, policy: first },
    { atMs: fromMs + Math.round(CHANGED_AFTER * WEEK_MS), policy: second },
  ]
  const ledger = createLedger()
  const volume = createVolume(fromMs, endsAtMs)
  ledger.add(...policies.map(({ atMs, policy }) => entryOf(policy, atMs)))
  return {
    options,
    fromMs,
    untilMs: endsAtMs,
    policies,
    policyAt: (atMs) => (policies.findLast((one) => one.atMs <= atMs) ?? { policy: first }).policy,
    sink: {
      add(text, place) {
        if (place.startUs + place.durationUs >= (endsAtMs - SENT_WITHIN_MS) * 1000) return
        sink.add(text, place)
        volume.add(text, place)
      },
    },
    ledger,
    volume,
    requests: [],
    refusedReviews: [],
    troubles: new Map(),
    random: (name) => createRandom(seed, name),
  }
}

const entryOf = ({ version, compiled }: SeededPolicy, at: number): PolicyEntry => ({
  type: 'policy',
  at,
  version,
  hash: compiled.hash,
  observes: observesAnywhere(compiled),
})
