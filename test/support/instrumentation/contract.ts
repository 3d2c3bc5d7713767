import { context, trace } from '@opentelemetry/api'
import { expect, vi } from 'vitest'
import { pause } from '../pause.ts'
import type { Fact, Outputs, Parameters, Turn } from './driver.ts'
import { createOtherInstrumentation } from './other.ts'
import type { Point } from './points.ts'
import { callOf, EXPORTED, fails, isLate, type Settled, type Stage, TOO_SHORT_MS } from './stage.ts'

export type PointTest = <Sdk>(stage: Stage<Sdk>) => Promise<void>

/** What each point means, in words, and how it is tested. */
export const CONTRACT: Readonly<Record<Point, readonly [sentence: string, test: PointTest]>> = {
  allowed: [
    'an allowed call runs untouched, once, and nobody is asked',
    async ({ run, plain, scene, spans }) => {
      const lookup = exporting()
      const settled = await run(turnOf(lookup, { calls: [callOf(1, 'lookup_customers')] }))
      expect(settled).toEqual(plain.done)
      expect(lookup.mock.calls).toEqual([[callOf(1).arguments]])
      expect(scene.broker.requests).toEqual([])
      expect(spans.named('execute_tool lookup_customers')).toHaveLength(1)
    },
  ],

  held: [
    'a held call waits, and runs once, after the approval',
    async ({ run, plain, scene, opened }) => {
      const tool = exporting()
      const running = run(turnOf(tool))
      const [request] = await opened()
      expect(tool).not.toHaveBeenCalled()
      scene.broker.decide(request as never, 'approved')
      expect(await running).toEqual(plain.done)
      expect(tool).toHaveBeenCalledTimes(1)
      await vi.waitFor(() => expect(scene.broker.outcomes).toMatchObject([{ outcome: 'executed' }]), SOON)
    },
  ],

  'exact-arguments': [
    'what runs is what was approved, whatever the caller makes of its arguments meanwhile',
    async ({ run, scene, opened, driver }) => {
      const tool = exporting()
      const call = callOf(1)
      const running = run(turnOf(tool, { calls: [call] }))
      const [request] = await opened()
      expect(request?.attempt.action).toMatchObject({
        kind: driver.kind,
        name: 'export_customers',
        arguments: callOf(1).arguments,
      })
      call.arguments.limit = 1_000_000
      call.arguments.filter.tags.push('everybody')
      scene.broker.decide(request as never, 'approved')
      await running
      expect(tool.mock.calls).toEqual([[callOf(1).arguments]])
    },
  ],

  denied: [
    'a denied call never enters its tool, and the model reads the code and the reason',
    async ({ run, scene, opened }) => {
      const tool = exporting()
      const running = run(turnOf(tool, { calls: [callOf(1), callOf(2, 'drop_customers')] }))
      const [request] = await opened()
      scene.broker.decide(request as never, 'denied', 'Audit first')
      const outputs = outputsOf(await running)
      expect(outputs['call-1']).toMatchObject(refused(/APPROVAL_DENIED.*Audit first/s))
      expect(outputs['call-2']).toMatchObject(
        refused(/POLICY_DENIED.*Dropping a database is a change request/s),
      )
      for (const output of Object.values(outputs)) expect(output.isError).not.toBe(false)
      expect(tool).not.toHaveBeenCalled()
    },
  ],

  expired: [
    'an expired call never enters its tool, and the model reads that nobody judged it',
    async ({ run, scene, opened }) => {
      const tool = exporting()
      const running = run(turnOf(tool))
      const [request] = await opened()
      scene.broker.decide(request as never, 'expired')
      const output = outputsOf(await running)['call-1']
      expect(output).toMatchObject(refused(/APPROVAL_EXPIRED.*Nobody has judged/s))
      expect(output?.isError).not.toBe(false)
      expect(tool).not.toHaveBeenCalled()
    },
  ],

  'timeout-stops': [
    'the tool’s own timeout runs while the tool does, and not while people decide',
    async ({ run, plain, scene, opened }) => {
      // Without this the framework would have no timeout, and nothing would be shown.
      expect(plain.late).not.toEqual(plain.done)
      for (const [tool, expected] of [
        [exporting(), plain.done],
        [vi.fn(isLate), plain.late],
      ] as const) {
        scene.broker.requests.length = 0
        const running = run(turnOf(tool, { toolTimeoutMs: TOO_SHORT_MS }))
        const [request] = await opened()
        await pause(TOO_SHORT_MS * 2)
        scene.broker.decide(request as never, 'approved')
        expect(await running).toEqual(expected)
        expect(tool).toHaveBeenCalledTimes(1)
      }
    },
  ],

  aborted: [
    'an abort cancels the request, and a late approval runs nothing',
    async (stage) => {
      const caller = new AbortController()
      await goneMeanwhile(stage, { signal: caller.signal }, () => caller.abort())
    },
  ],

  'client-timeout': [
    'a caller that waits no longer cancels the request, and a late approval runs nothing',
    async (stage) => {
      await goneMeanwhile(stage, { clientTimeoutMs: 200 }, () => {})
    },
  ],

  'process-death': [
    'a process that is killed while it waits runs nothing, and says no more that it lives',
    async ({ dying, copy }) => {
      const [child, request] = await heldInChild({ dying, copy })
      const heartbeats = () =>
        dying.broker.calls.filter(
          ({ name, body }) => name === 'heartbeat' && body.process === request.process,
        )
      await vi.waitFor(() => expect(heartbeats()).not.toEqual([]), LATER)
      child.child.kill('SIGKILL')
      const { signal, stdout } = await child.ended
      const sayings = heartbeats().length
      dying.broker.decide(request, 'approved')
      await pause(dying.broker.heartbeatMs * 3)
      expect(heartbeats()).toHaveLength(sayings)
      // The first call ran: this program is one that does something when it may.
      expect({ signal, stdout }).toEqual({ signal: 'SIGKILL', stdout: 'ran 1\n' })
      expect(request.state).toBe('approved')
    },
  ],

  concurrent: [
    'calls of one turn are held, decided and run independently, equal ones too',
    async ({ run, scene, opened }) => {
      const tool = exporting()
      const calls = [callOf(1, 'export_customers', 'one'), callOf(1, 'export_customers', 'two'), callOf(3)]
      const running = run(turnOf(tool, { calls }))
      const requests = await opened(3)
      const [first, second] = requests.filter(({ attempt }) => limitIn(attempt) === 1)
      const third = requests.find(({ attempt }) => limitIn(attempt) === 3)
      scene.broker.decide(second as never, 'approved')
      await vi.waitFor(() => expect(tool).toHaveBeenCalledTimes(1), SOON)
      scene.broker.decide(third as never, 'denied', 'Too many')
      scene.broker.decide(first as never, 'denied', 'Once is enough')
      const { one, two, 'call-3': three } = outputsOf(await running)
      const equal = [one?.text, two?.text].sort((a) => (a === EXPORTED ? -1 : 1))
      expect(equal).toEqual([EXPORTED, expect.stringMatching(/APPROVAL_DENIED.*Once is enough/s)])
      expect(three).toMatchObject(refused(/APPROVAL_DENIED.*Too many/s))
      expect(tool.mock.calls).toEqual([[callOf(1).arguments]])
    },
  ],

  streaming: [
    'a call of a streamed answer is held, refused and run as any other',
    async ({ run, plain, scene, opened }) => {
      const tool = exporting()
      const running = run(turnOf(tool, { stream: true }))
      const [request] = await opened()
      expect(request?.attempt.action.arguments).toEqual(callOf(1).arguments)
      expect(tool).not.toHaveBeenCalled()
      scene.broker.decide(request as never, 'approved')
      expect(await running).toEqual(plain.done)
      expect(tool.mock.calls).toEqual([[callOf(1).arguments]])
      scene.broker.onRequest = () => 'denied'
      const outputs = outputsOf(await run(turnOf(tool, { stream: true, calls: [callOf(2)] })))
      expect(outputs['call-2']).toMatchObject(refused(/APPROVAL_DENIED/))
      expect(tool).toHaveBeenCalledTimes(1)
    },
  ],

  'own-error': [
    'a tool’s own error reaches the model, or the program, as it does without a gate',
    async ({ run, plain, scene, spans }) => {
      expect(plain.failed).not.toEqual(plain.done)
      scene.broker.onRequest = () => 'approved'
      for (const name of ['lookup_customers', 'export_customers']) {
        const tool = vi.fn(fails)
        const settled = await run(turnOf(tool, { calls: [callOf(1, name)] }))
        expect(JSON.parse(JSON.stringify(settled).replaceAll(name, 'export_customers'))).toEqual(plain.failed)
        expect(tool).toHaveBeenCalledTimes(1)
        expect(spans.named(`execute_tool ${name}`)).toHaveLength(1)
      }
    },
  ],

  captured: [
    'the agent, the conversation, the call’s id and the user are recorded, as far as the framework knows them',
    async ({ run, scene, spans, driver: { unknown = {} } }) => {
      scene.broker.onRequest = () => 'approved'
      const who = { agent: 'Clerk', conversation: 'conv-7', user: 'user-7' }
      await run(turnOf(exporting(), { ...who, calls: [callOf(1)] }))
      const [span] = spans.named('execute_tool export_customers')
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

      const ofTools = spans.all().filter(({ attributes }) => 'gen_ai.tool.name' in attributes)
      expect(ofTools.map(({ name }) => name)).toEqual(Array(2).fill('execute_tool export_customers'))
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
        'error.type': 'approval_denied',
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
    'a version without what is patched stops the start, and the installed one is among those supported',
    async ({ instrumentation, scene }) => {
      expect(() => instrumentation.patch({}, scene.gate)).toThrow(/not supported/)
    },
  ],
}

const SOON = { timeout: 5_000, interval: 2 }
/** A process of its own starts first. */
const LATER = { timeout: 20_000, interval: 20 }

const exporting = () => vi.fn(async (_given: unknown) => EXPORTED)

/** One call, and every tool there is does the same. */
const turnOf = (tool: Turn['tools'][string], more: Partial<Turn> = {}): Turn => ({
  calls: [callOf(1)],
  tools: { lookup_customers: tool, export_customers: tool, drop_customers: tool },
  ...more,
})

const refused = (why: RegExp) => ({ text: expect.stringMatching(why) as string })
const limitIn = ({ action }: { action: { arguments: unknown } }) =>
  (action.arguments as { limit: number }).limit

/** Fails where the run did. */
export function outputsOf(settled: Settled): Outputs {
  expect(settled).toHaveProperty('outputs')
  return (settled as { outputs: Outputs }).outputs
}

async function goneMeanwhile<Sdk>(
  { run, scene, opened }: Stage<Sdk>,
  more: Partial<Turn>,
  leave: () => void,
): Promise<void> {
  const tool = exporting()
  const running = run(turnOf(tool, more))
  const [request] = await opened()
  leave()
  await vi.waitFor(() => expect(request?.state).toBe('cancelled'), SOON)
  await running
  scene.broker.decide(request as never, 'approved')
  // Whatever the late approval would set going is through before this one is.
  await run(turnOf(exporting(), { calls: [callOf(9, 'lookup_customers')] }))
  expect(tool).not.toHaveBeenCalled()
  const consumed = scene.broker.calls.filter(
    ({ name, body }) => name === 'consume' && body.requestId === request?.requestId,
  )
  expect(consumed).toEqual([])
}

/** The second call of the program that belongs to this copy, which is held, or was. */
async function heldInChild<Sdk>({ dying, copy }: Pick<Stage<Sdk>, 'dying' | 'copy'>) {
  const child = dying.processes.get(copy)
  if (child === undefined) throw new Error(`no process for ${copy}`)
  const find = () =>
    dying.broker.requests.find(({ attempt }) => {
      const { limit, region } = attempt.action.arguments as Parameters
      return limit === 2 && region === copy
    })
  const held = vi.waitFor(() => find() ?? Promise.reject(new Error('nothing is held in the process')), LATER)
  const ended = child.ended.then(({ stderr }) => find() ?? Promise.reject(new Error(stderr)))
  return [child, await Promise.race([held, ended])] as const
}
