import type { Week } from '../week/week.ts'
import { METRICS } from './catalogue.ts'
import type { Cumulative } from './cumulative.ts'

/** Something that the broker counted, and when; in the order of time. */
export interface Event {
  atMs: number
  count(cumulative: Cumulative): void
}

/** Everything about requests follows from what stands in the ledger. */
export function eventsOf({ requests, refusedReviews, untilMs, random }: Week): Event[] {
  const times = random('times of calls')
  const called = (atMs: number, call: string, code = 'OK'): Event => {
    const seconds = times.around(call === 'claim' ? 0.003 : 0.009)
    return { atMs, count: ({ measure }) => measure(METRICS.calls, { call, code }, seconds) }
  }
  const events = requests.flatMap(({ requested, reviews = [], decided, spent, outcome }): Event[] => {
    const { rule } = requested.ruling
    const decidedAt = decided?.at ?? Infinity
    const steps = (requested.approvals.escalate ?? []).map(({ afterMs }) => requested.at + afterMs)
    return [
      called(requested.at, 'request'),
      ...steps
        .filter((atMs) => atMs < decidedAt)
        .map((atMs): Event => ({ atMs, count: ({ add }) => add(METRICS.escalations, { rule }) })),
      ...reviews.flatMap(({ at, verdict, reviewer: { channel, assurance } }): Event[] => [
        called(at, 'review'),
        { atMs: at, count: ({ add }) => add(METRICS.reviews, { verdict, channel, assurance }) },
      ]),
      ...(decided === undefined
        ? []
        : [
            {
              atMs: decided.at,
              count({ add, measure }: Cumulative) {
                const { decision } = decided
                add(METRICS.decisions, { decision, rule })
                measure(METRICS.waits, { decision }, (decided.at - requested.at) / 1000)
              },
            },
            called(decided.at, 'claim'),
          ]),
      ...(spent ? [called(spent.at, 'consume')] : []),
      ...(outcome ? [called(outcome.at, 'outcome')] : []),
    ]
  })
  const refused = refusedReviews.flatMap(({ atMs, code }): Event[] => [
    called(atMs, 'review', code),
    { atMs, count: ({ add }) => add(METRICS.refused, { code }) },
  ])
  return [...events, ...refused]
    .filter(({ atMs }) => atMs < untilMs)
    .sort((one, other) => one.atMs - other.atMs)
}
