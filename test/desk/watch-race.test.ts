import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { RequestSummary, ReviewSubmission, ShowReply } from '#contract'
import { watchInteractively } from '../../src/desk/watch/interactive.ts'
import { eventually } from '../support/held.ts'
import { hostileCard } from '../support/hostile.ts'
import { createFakeIo } from '../support/io.ts'

const summaryOf = (requestId: string): RequestSummary => ({
  ...{ requestId, state: 'pending', agent: 'a', agentId: 'a', environment: 'prod', kind: 'tool', rule: 'r' },
  ...{ name: `named_${requestId}`, requestedAtMs: 0, expiresAtMs: 60_000, threshold: 1 },
  ...{ from: ['oncall'], assurance: 'login', reviews: [] },
})
const shownOf = (requestId: string): ShowReply => ({
  summary: summaryOf(requestId),
  card: { ...hostileCard('ordinary'), requestId },
  renderHash: hostileCard('ordinary').actionDigest,
  timeline: [],
  mayReview: { ok: true },
})

test('desk - at a terminal: a card that comes late does not take the place of the one that was asked for last', async () => {
  const stdin = new PassThrough()
  const io = createFakeIo()
  const stdout = Object.assign(io.stdout, { isTTY: true, columns: 100, rows: 100 })
  const late = Promise.withResolvers<ShowReply>()
  const reviewed: ReviewSubmission[] = []
  const desk = {
    list: async () => ({ requests: ['1-late', '1-read'].map(summaryOf), total: 2 }),
    show: async (_: string, requestId: string) =>
      requestId === '1-late' ? late.promise : shownOf(requestId),
    review: async (review: ReviewSubmission) => {
      reviewed.push(review)
      return { state: 'approved', missing: 0 }
    },
    watch: () => () => {},
  }
  const ended = watchInteractively(
    { desk: desk as never, token: async () => 'token' },
    {},
    { ...io, stdin: stdin as never, stdout },
    60_000,
  )
  const shows = (text: string) =>
    eventually(
      async () => io.out(),
      (out) => out.includes(text),
    )
  await shows('2 waiting')
  stdin.write('aja')
  await shows('Release this action? [y/N]')
  late.resolve(shownOf('1-late'))
  await new Promise(setImmediate)
  stdin.write('y')
  await shows('is approved')
  stdin.write('q')
  expect(await ended).toBe(0)
  expect(reviewed.map(({ requestId }) => requestId)).toEqual(['1-read'])
})
