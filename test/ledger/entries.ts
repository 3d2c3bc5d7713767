import type { DecidedEntry, Digest, LedgerEntry, PolicyEntry, ReviewEntry, SpentEntry } from '#contract'

const digest = (digit: string): Digest => `sha-256:${digit.repeat(64)}`

export const decidedEntry = (requestId: string): DecidedEntry => ({
  type: 'decided',
  at: 1_790_000_000_000,
  requestId,
  actionDigest: digest('a'),
  decision: 'approved',
  by: [
    {
      iss: 'https://idp.example.com',
      sub: 'bea',
      name: 'Bea',
      assurance: 'login',
      channel: 'cli',
      evidence: digest('e'),
    },
  ],
})

export const reviewEntry = (requestId: string): ReviewEntry => ({
  type: 'review',
  at: 1_790_000_000_000,
  requestId,
  actionDigest: digest('a'),
  reviewer: decidedEntry(requestId).by[0] as ReviewEntry['reviewer'],
  verdict: 'approve',
  renderHash: digest('d'),
})

export const spentEntry = (requestId: string): SpentEntry => ({
  type: 'spent',
  at: 1_790_000_000_500,
  requestId,
  actionDigest: digest('a'),
  spend: 'consumed',
  nonce: 'n'.repeat(22),
  trace: { traceId: '1'.repeat(32), spanId: '2'.repeat(16) },
})

export const policyEntry = (version: number): PolicyEntry => ({
  type: 'policy',
  at: 1_790_000_000_000,
  version,
  hash: digest('c'),
  observes: false,
})

/** A history of `count` entries: a policy, then decided and spent, over and over. */
export const history = (count: number): LedgerEntry[] =>
  Array.from({ length: count }, (_, index) => {
    if (index === 0) return policyEntry(1)
    const requestId = `1-r${Math.floor((index - 1) / 2)}`
    return index % 2 === 1 ? decidedEntry(requestId) : spentEntry(requestId)
  })
