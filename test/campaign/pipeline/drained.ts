import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream'
import { TELEMETRY_CURSOR_STREAM, TELEMETRY_STREAM, telemetryCursorSubject } from '#contract'
import type { House } from '../../support/house.ts'
import { pause } from '../../support/pause.ts'

const WITHIN_MS = 120_000
const LANE = 0

/** Waits until nothing of the one lane waits any more; undefined, or what is left. */
export async function drained(house: House): Promise<string | undefined> {
  const manager = await jetstreamManager(await house.connect('admin'))
  const giveUpAt = performance.now() + WITHIN_MS
  for (;;) {
    const waiting = await waitingIn(manager)
    if (waiting === undefined) return undefined
    if (performance.now() > giveUpAt) return `it does not drain: ${waiting}`
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
  const cursor = message?.json<{ state: string; to: number }>()
  return cursor?.state === 'stored' && cursor.to >= state.last_seq
    ? undefined
    : `the stream ends with ${state.last_seq}, and the cursor is ${JSON.stringify(cursor)}`
}
