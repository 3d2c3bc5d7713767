import { TELEMETRY_STREAM, telemetryOfLane } from '#contract'
import type { Line } from './line.ts'
import { type Waiting, waitingOf } from './message.ts'

/** HP_TELEMETRY, as writers read it and make room in it. Every call throws UNAVAILABLE, retryable. */
export interface TelemetryStream {
  info(): Promise<StreamFacts>
  /** The next messages of a lane, from number `from` on, up to about so many bytes; at least one, if there is one. */
  next(lane: number, from: number, maxBytes: number): Promise<Waiting[]>
  /** Whether this message stands there, as its leader says. */
  has(seq: number): Promise<boolean>
  /** Removes what this lane has up to `to`, in the stream that was made then and in no other. */
  purge(lane: number, created: string, to: number): Promise<void>
  /** Lanes in which something stands. */
  lanes(): Promise<number[]>
}

export interface StreamFacts {
  created: string
  lastSeq: number
  bytes: number
  messages: number
}

const MOST_MESSAGES = 25_000

export function createTelemetryStream({ line }: { line: Line }): TelemetryStream {
  async function ask(about: object = {}): Promise<StreamInfo> {
    return (await line.ask<StreamInfo>(`STREAM.INFO.${TELEMETRY_STREAM}`, about)) as StreamInfo
  }

  async function info(): Promise<StreamFacts> {
    const { created, state } = await ask()
    return { created, lastSeq: state.last_seq, bytes: state.bytes, messages: state.messages }
  }

  return {
    info,
    async next(lane, from, maxBytes) {
      const messages = await line.askForMany(`DIRECT.GET.${TELEMETRY_STREAM}`, {
        seq: from,
        next_by_subj: telemetryOfLane(lane),
        batch: MOST_MESSAGES,
        max_bytes: maxBytes,
      })
      return messages.map(waitingOf)
    },
    has: async (seq) =>
      (await line.ask<{ message: object }>(`STREAM.MSG.GET.${TELEMETRY_STREAM}`, { seq })) !== undefined,
    async purge(lane, created, to) {
      // A purge up to no number at all is, to a server, one of everything.
      if (!(to >= 1)) return
      // Under this name may stand another stream by now, or a backup of it, and other messages under these numbers.
      const now = await info()
      if (now.created !== created || now.lastSeq < to) return
      await line.ask(`STREAM.PURGE.${TELEMETRY_STREAM}`, { filter: telemetryOfLane(lane), seq: to + 1 })
    },
    async lanes() {
      const { state } = await ask({ subjects_filter: 'hp.v1.telemetry.*.*' })
      const lanes = Object.keys(state.subjects ?? {}).map((subject) => Number(subject.split('.')[3]))
      return [...new Set(lanes.filter((lane) => Number.isSafeInteger(lane)))].sort((a, b) => a - b)
    },
  }
}

interface StreamInfo {
  created: string
  state: { last_seq: number; bytes: number; messages: number; subjects?: Record<string, number> }
}
