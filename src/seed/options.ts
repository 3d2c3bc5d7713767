import { HoldpointError } from '#contract'

/** What can be planted into a week, each for itself: none of them changes the ordinary traffic. */
export const INCIDENTS = [
  'forged-approval',
  'ungated-role-policy',
  'replayed-approval',
  'unbound-approval',
  'instant-approver',
  'night-export',
  'self-approval',
  'expiry-wave',
  'stuck-approvals',
  'freeze',
  'ledger-behind',
  'pipeline-lag',
] as const
export type Incident = (typeof INCIDENTS)[number]

export interface SeedOptions {
  /** Of the ordinary traffic, about. */
  spans: number
  seed: number
  /** Milliseconds since the epoch. */
  endsAtMs: number
  incidents: readonly Incident[]
}

const DAY_MS = 86_400_000
export const WEEK_MS = 7 * DAY_MS
const LEAST_SPANS = 2_000
const MOST_SPANS = 1_000_000_000

/** The same week, however its options were written down. Throws INVALID_INPUT. */
export function checkOptions({ spans, seed, endsAtMs, incidents }: SeedOptions): SeedOptions {
  const refuse = (what: string, value: unknown, expected: string): never => {
    throw new HoldpointError('INVALID_INPUT', `${what} ${JSON.stringify(value)}: expected ${expected}`)
  }
  if (!Number.isSafeInteger(spans) || spans < LEAST_SPANS || spans > MOST_SPANS)
    refuse('spans', spans, `a whole number from ${LEAST_SPANS} to ${MOST_SPANS}`)
  if (!Number.isSafeInteger(seed) || seed < 0) refuse('seed', seed, 'a whole number from 0')
  if (!Number.isSafeInteger(endsAtMs) || endsAtMs < WEEK_MS || endsAtMs > LATEST_MS)
    refuse('endsAtMs', endsAtMs, 'milliseconds since 1970, before 2100')
  for (const name of incidents)
    if (!INCIDENTS.includes(name)) refuse('incidents', name, `some of ${INCIDENTS.join(', ')}`)
  return { spans, seed, endsAtMs, incidents: INCIDENTS.filter((name) => incidents.includes(name)) }
}

const LATEST_MS = Date.UTC(2100, 0)
