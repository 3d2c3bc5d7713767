import type { Verification } from '#contract'
import type { PreparerDeps } from '../../../src/pipeline/batch/prepare.ts'
import { decodeSpan } from '../../../src/pipeline/otlp/protobuf.ts'
import type { SpanRange } from '../../../src/pipeline/otlp/ranges.ts'
import { claimOf, TELLING } from '../../../src/pipeline/verification/claims.ts'
import type { JudgedSpan } from '../../../src/pipeline/verification/judged.ts'
import { rewrite } from '../../../src/pipeline/verification/rewrite.ts'
import { aSpan, encodeProtobuf } from '../encode.ts'
import { GROUP, requestOf } from '../rows/groups.ts'
import { double, fixed64, message, text } from '../rows/wire-chunks.ts'

/** Verification to which every action is the same: what preparing a batch does with a verdict, not how it is found. */
export const always = (verification: Verification, detail: string): PreparerDeps['verification'] => ({
  tellingPrefixes: () => TELLING,
  async judge(pieces) {
    const actions = new Map<SpanRange, JudgedSpan>()
    for (const { ranges, receivedAtMs } of pieces)
      for (const resource of ranges.resources)
        for (const range of resource.scopes.flatMap(({ spans }) => spans)) {
          const span = decodeSpan(ranges.body, range)
          const claim = claimOf(span, resource.attributes())
          const about = { span, service: 'shop', receivedAtMs, verdict: { verification, detail } }
          if (claim) actions.set(range, { ...about, claim })
        }
    return { actions, tainted: new Map() }
  },
  rewrite: (ranges, judged) => rewrite(ranges, judged, { request: () => undefined }),
})

const RECEIVED_AT_MS = 1_790_000_000_000
const TIME_NS = 1_790_000_000_000_000_000n

/** Two spans, one of them an action that calls itself verified; a log record, and a point, that do so as well. */
export const PIECES = [
  {
    signal: 'traces',
    receivedAtMs: RECEIVED_AT_MS,
    body: encodeProtobuf({
      resource: { 'service.name': 'shop' },
      spans: [
        aSpan({ name: 'GET /', attributes: { 'http.route': '/' } }),
        aSpan({
          spanId: 'c'.repeat(16),
          name: 'execute_tool grant_role',
          attributes: { 'gen_ai.operation.name': 'execute_tool', 'holdpoint.verification': 'verified' },
        }),
      ],
    }),
  },
  {
    signal: 'logs',
    receivedAtMs: RECEIVED_AT_MS,
    body: requestOf(GROUP, [
      message(2, [fixed64(1, TIME_NS), message(6, [text(1, 'holdpoint.verification')])]),
    ]),
  },
  {
    signal: 'metrics',
    receivedAtMs: RECEIVED_AT_MS,
    body: requestOf(GROUP, [
      message(2, [text(1, 'load'), message(5, [message(1, [fixed64(3, TIME_NS), double(4, 0.5)])])]),
      message(2, [text(1, 'calls'), message(7, [message(1, [fixed64(3, TIME_NS), double(4, 2)])])]),
    ]),
  },
] as const
