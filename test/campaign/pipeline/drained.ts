import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { TELEMETRY_CURSOR_STREAM, TELEMETRY_STREAM, telemetryCursorSubject } from '#contract'
import type { House } from '../../support/house.ts'
import { pause } from '../../support/pause.ts'

const MOVES_WITHIN_MS = 60_000
const LANE = 0

/** Waits until nothing of the one lane waits any more; undefined, or what is left once nothing moves. */
export async function drained(house: House): Promise<string | undefined> {
  const manager = await jetstreamManager(await house.connect('admin'))
  let before: string | undefined
  let sinceMs = performance.now()
  for (;;) {
    const waiting = await waitingIn(manager)
    if (waiting === undefined) return undefined
    if (waiting !== before) sinceMs = performance.now()
    before = waiting
    if (performance.now() - sinceMs > MOVES_WITHIN_MS) return `it does not drain: ${waiting}`
    await pause(100)
  }
}

/** What is stored may stay in the stream for a while: the cursor says how far that is. */
async function waitingIn(manager: JetStreamManager): Promise<string | undefined> {
  const { state } = await manager.streams.info(TELEMETRY_STREAM)
  if (state.messages === 0) return undefined
  const message = await manager.streams
    .getMessage(TELEMETRY_CURSOR_STREAM, { last_by_subj: telemetryCursorSubject(LANE) })
    .catch(() => null)
  const { state: of = '', from, to = 0 } = message?.json<Cursor>() ?? {}
  return of === 'stored' && to >= state.last_seq
    ? undefined
    : `the stream ends with ${state.last_seq}, and its cursor says ${from}-${to} ${of}`
}

interface Cursor {
  state: string
  from: number
  to: number
}
