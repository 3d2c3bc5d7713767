import { expect, vi } from 'vitest'
import { pause } from '../../pause.ts'
import { callOf, EXPORTED, fails, isLate, TOO_SHORT_MS } from '../stage.ts'
import { type Contract, exporting, limitIn, outputsOf, refused, SOON, spansOf, turnOf } from './turns.ts'

/** Who is asked, what runs, and what the model reads. */
export const asking = {
  allowed: [
    'an allowed call runs untouched, once, and nobody is asked',
    async ({ run, plain, scene, spans }) => {
      const lookup = exporting()
      const settled = await run(turnOf(lookup, { calls: [callOf(1, 'lookup_customers')] }))
      expect(settled).toEqual(plain.done)
      expect(lookup.mock.calls).toEqual([[callOf(1).arguments]])
      expect(scene.broker.requests).toEqual([])
      expect(spansOf('lookup_customers', spans)).toHaveLength(1)
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
        expect(spansOf(name, spans)).toHaveLength(1)
      }
    },
  ],
} satisfies Partial<Contract>
