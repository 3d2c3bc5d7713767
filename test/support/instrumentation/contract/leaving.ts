import { expect, vi } from 'vitest'
import { pause } from '../../pause.ts'
import type { Turn } from '../driver.ts'
import { callOf, type Stage } from '../stage.ts'
import { heldInChild } from './child.ts'
import { type Contract, exporting, LATER, SOON, turnOf } from './turns.ts'

/** Whoever has gone gets nothing run any more. */
export const leaving = {
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
} satisfies Partial<Contract>

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
