import { metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { type Decision, type ErrorCode, HoldpointError, type ReviewEntry } from '#contract'
import { createMeter } from '#runtime'
import { INSTRUMENTS } from './instruments.ts'

/** The broker's own traces and metrics; they cost nothing until the process has somebody who reads them. */
export interface Measures {
  /** Runs one call as a span, and counts it by what became of it. */
  call<T>(name: string, work: () => Promise<T>): Promise<T>
  /** For the one replica that wrote it, as are those that follow. */
  decided(decision: Decision, rule: string, waitMs: number): void
  reviewed(review: Pick<ReviewEntry, 'verdict' | 'reviewer'>): void
  reviewRefused(code: ErrorCode): void
  escalated(rule: string): void
  /** Returns how to stop looking. */
  watch(look: () => Standing): () => void
}

/** How things stand when somebody reads the metrics. */
export interface Standing {
  pending: number
  freezes: number
  ledgerSize: number
  /** Since when an entry waits for a checkpoint that covers it; undefined while all are covered. */
  uncoveredSinceMs: number | undefined
  nowMs: number
}

export function createMeasures(): Measures {
  const tracer = trace.getTracer('holdpoint.broker')
  const meter = createMeter(metrics.getMeter('holdpoint.broker'))
  const duration = meter.of(INSTRUMENTS.calls)
  const decisions = meter.of(INSTRUMENTS.decisions)
  const waits = meter.of(INSTRUMENTS.waits)
  const reviews = meter.of(INSTRUMENTS.reviews)
  const reviewsRefused = meter.of(INSTRUMENTS.reviewsRefused)
  const escalations = meter.of(INSTRUMENTS.escalations)
  const { pending, freezes, ledgerSize, checkpointAge } = INSTRUMENTS

  return {
    call: (name, work) =>
      tracer.startActiveSpan(`holdpoint.broker ${name}`, { kind: SpanKind.SERVER }, async (span) => {
        const startedAt = performance.now()
        let code: ErrorCode | 'OK' = 'OK'
        try {
          return await work()
        } catch (error) {
          code = error instanceof HoldpointError ? error.code : 'INTERNAL'
          span.setAttribute('error.type', code)
          // A refusal is the broker at work; only its own faults are errors of the call.
          if (code === 'INTERNAL') span.setStatus({ code: SpanStatusCode.ERROR })
          throw error
        } finally {
          duration((performance.now() - startedAt) / 1000, { call: name, code })
          span.end()
        }
      }),
    decided(decision, rule, waitMs) {
      decisions(1, { decision, rule })
      waits(waitMs / 1000, { decision })
    },
    reviewed: ({ verdict, reviewer: { channel, assurance } }) =>
      reviews(1, { verdict, channel: channelLabel(channel), assurance }),
    reviewRefused: (code) => reviewsRefused(1, { code }),
    escalated: (rule) => escalations(1, { rule }),
    watch: (look) =>
      meter.watch([pending, freezes, ledgerSize, checkpointAge], (observe) => {
        const seen = look()
        observe(pending, seen.pending)
        observe(freezes, seen.freezes)
        observe(ledgerSize, seen.ledgerSize)
        observe(checkpointAge, Math.max(0, seen.nowMs - (seen.uncoveredSinceMs ?? seen.nowMs)) / 1000)
      }),
  }
}

/** The channel's own word: one that is no name may say anything of anybody. */
const channelLabel = (channel: string): string =>
  /^[a-z][a-z0-9-]*(:[a-z][a-z0-9-]*)?$/.test(channel) ? channel : 'other'
