import { metrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { type Decision, type ErrorCode, HoldpointError } from '#contract'

/** The broker's own traces and metrics; they cost nothing until the process has an exporter. */
export interface Measures {
  /** Runs one call as a span, and counts it by what became of it. */
  call<T>(name: string, work: () => Promise<T>): Promise<T>
  decided(decision: Decision, rule: string, waitMs: number): void
  /** Returns how to stop looking. */
  watchPending(count: () => number): () => void
}

export function createMeasures(): Measures {
  const tracer = trace.getTracer('holdpoint.broker')
  const meter = metrics.getMeter('holdpoint.broker')
  const duration = meter.createHistogram('holdpoint.broker.call.duration', {
    unit: 's',
    description: 'Time to answer a call, by call and by code (OK, or that of the refusal).',
  })
  const decisions = meter.createCounter('holdpoint.decisions', {
    unit: '{request}',
    description: 'Requests decided, by decision and rule. Expired is not denied.',
  })
  const waits = meter.createHistogram('holdpoint.approval.wait', {
    unit: 's',
    description: 'From the request to its decision.',
  })
  const pending = meter.createObservableGauge('holdpoint.requests.pending', {
    unit: '{request}',
    description: 'Requests that wait for a decision.',
  })

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
          duration.record((performance.now() - startedAt) / 1000, { call: name, code })
          span.end()
        }
      }),
    decided(decision, rule, waitMs) {
      decisions.add(1, { decision, rule })
      waits.record(waitMs / 1000, { decision })
    },
    watchPending(count) {
      const observe = (result: { observe(value: number): void }) => result.observe(count())
      pending.addCallback(observe)
      return () => pending.removeCallback(observe)
    },
  }
}
