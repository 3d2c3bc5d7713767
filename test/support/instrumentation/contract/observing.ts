import { context, trace } from '@opentelemetry/api'
import { expect, vi } from 'vitest'
import type { Fact } from '../driver.ts'
import { createOtherInstrumentation } from '../other.ts'
import { callOf, EXPORTED } from '../stage.ts'
import { heldInChild } from './child.ts'
import { type Contract, exporting, limitIn, outputsOf, refused, spansOf, turnOf } from './turns.ts'

/** What is seen of it, and what must not depend on being seen. */
export const observing = {
  captured: [
    'the agent, the conversation, the call’s id and the user are recorded, as far as the framework knows them',
    async ({ run, scene, spans, driver: { unknown = {} } }) => {
      scene.broker.onRequest = () => 'approved'
      const who = { agent: 'Clerk', conversation: 'conv-7', user: 'user-7' }
      await run(turnOf(exporting(), { ...who, calls: [callOf(1)] }))
      const [span] = spansOf('export_customers', spans)
      const known = (fact: Fact, value: string) => (fact in unknown ? undefined : value)
      expect(span?.attributes['gen_ai.agent.name']).toBe(known('agent', 'Clerk'))
      expect(span?.attributes['gen_ai.conversation.id']).toBe(known('conversation', 'conv-7'))
      expect(span?.attributes['gen_ai.tool.call.id']).toBe(known('call', 'call-1'))
      expect(span?.attributes['user.id']).toBe(known('user', 'user-7'))
      const attempt = scene.broker.requests[0]?.attempt
      expect(attempt?.conversation).toBe(known('conversation', 'conv-7'))
      if ('call' in unknown) expect(attempt?.attempt).toMatch(/^[0-9a-f-]{36}$/)
      else expect(attempt?.attempt).toBe('call-1')
    },
  ],

  spans: [
    'each call is one span of the GenAI conventions, in the caller’s trace, with the tool’s own work below it',
    async ({ run, scene, spans, driver }) => {
      scene.broker.onRequest = ({ attempt }) => (limitIn(attempt) === 1 ? 'approved' : 'denied')
      const inside = vi.fn(async () => {
        trace.getTracer('tool').startSpan('SELECT').end()
        return EXPORTED
      })
      const caller = trace.getTracer('caller').startSpan('turn')
      const calls = [callOf(1), callOf(2)]
      await context.with(trace.setSpan(context.active(), caller), () => run(turnOf(inside, { calls })))
      caller.end()

      const spanName = driver.spanOf?.('export_customers') ?? 'execute_tool export_customers'
      const ofTools = spans.all().filter(({ attributes }) => 'gen_ai.tool.name' in attributes)
      expect(ofTools.map(({ name }) => name)).toEqual(Array(2).fill(spanName))
      const [refusedSpan, ran] = ofTools.sort((a) =>
        a.attributes['holdpoint.outcome'] === 'executed' ? 1 : -1,
      )
      expect(ran?.attributes).toMatchObject({
        'gen_ai.operation.name': 'execute_tool',
        'gen_ai.tool.name': 'export_customers',
        'holdpoint.action.kind': driver.kind,
        'holdpoint.ruling': 'hold',
        'holdpoint.approval.decision': 'approved',
        'holdpoint.outcome': 'executed',
      })
      expect(refusedSpan?.attributes).toMatchObject({
        'holdpoint.approval.decision': 'denied',
        'holdpoint.outcome': 'not_run',
        'error.type': driver.spanError ?? 'approval_denied',
      })
      const { traceId } = caller.spanContext()
      const below = (name: string) => spans.named(name).map((span) => span.parentSpanContext?.spanId)
      expect(ofTools.map((span) => span.spanContext().traceId)).toEqual([traceId, traceId])
      expect(below('SELECT')).toEqual([ran?.spanContext().spanId])
      expect(below('await_approval export_customers').sort()).toEqual(
        ofTools.map((span) => span.spanContext().spanId).sort(),
      )
    },
  ],

  'second-instrumentation': [
    'another instrumentation that wraps and unwraps the same methods does not take the gate away',
    async ({ run, scene, driver, sdk }) => {
      const methods = driver.methods(sdk)
      expect(methods).not.toEqual([])
      const other = createOtherInstrumentation(methods)
      const tool = exporting()
      const check = async () => {
        scene.broker.onRequest = () => 'denied'
        expect(outputsOf(await run(turnOf(tool)))['call-1']).toMatchObject(refused(/APPROVAL_DENIED/))
      }
      other.wrap()
      await check()
      expect(other.seen()).toBeGreaterThan(0)
      other.wrap()
      await check()
      other.unwrap()
      const seen = other.seen()
      await check()
      expect(other.seen()).toBe(seen)
      expect(tool).not.toHaveBeenCalled()
    },
  ],

  'telemetry-off': [
    'sampled to nothing, and in a process with OTEL_SDK_DISABLED, the gate holds all the same',
    async ({ run, plain, scene, spans, dying, copy }) => {
      spans.sample(false)
      try {
        const tool = exporting()
        scene.broker.onRequest = () => 'denied'
        expect(outputsOf(await run(turnOf(tool)))['call-1']).toMatchObject(refused(/APPROVAL_DENIED/))
        expect(tool).not.toHaveBeenCalled()
        scene.broker.onRequest = () => 'approved'
        expect(await run(turnOf(tool))).toEqual(plain.done)
        expect(spans.all()).toEqual([])
      } finally {
        spans.sample(true)
      }
      const [child, request] = await heldInChild({ dying, copy })
      expect(request.attempt.action.trace).toEqual({ traceId: '0'.repeat(32), spanId: '0'.repeat(16) })
      expect(child.stdout()).toBe('ran 1\n')
    },
  ],

  'unsupported-version': [
    'a version without what is patched stops the start, and the package is one whose version is reported',
    async ({ instrumentation, scene, driver: { package: name } }) => {
      expect(() => instrumentation.patch({}, scene.gate)).toThrow(/not supported/)
      expect(Object.keys(instrumentation.packages)).toContain(name)
    },
  ],
} satisfies Partial<Contract>
