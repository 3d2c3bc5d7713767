import { pause } from '../../support/pause.ts'
import type { PipelineHouse } from '../../support/pipeline-house.ts'
import { killAt, killPoints } from '../kill/points.ts'

/** One thing that goes wrong with one process, until it has come to an end. */
export interface Fault {
  about: string
  /** For counting them. */
  kind: 'killed' | 'paused' | 'aimed'
  victim: string
  happen(): Promise<void>
}

/** Of the room, what stands between a request and its rows. */
const AWAITS = 'src/pipeline/**/*.ts'
/** Those between which something may be lost or doubled come first. */
const WRITERS = /\/(buffer|batch)\//

/** Faults at random: of one process, or of two at once. `takeoverMs`: pauses reach beyond it. `only`: see `about`. */
export function createFaults(
  { house, store, pipelines }: PipelineHouse,
  { random, takeoverMs, only = /./ }: { random: () => number; takeoverMs: number; only?: RegExp },
) {
  const nextMoment = createMoments(random)
  const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  /** Mostly short, now and then very long. */
  const lengthMs = (mostMs: number): number => Math.round(30 + random() ** 2 * mostMs)

  const pausing = (victim: string, pid: () => number | undefined, mostMs: number): Fault => {
    const ms = lengthMs(mostMs)
    return {
      about: `${victim} was paused for ${ms} ms`,
      kind: 'paused',
      victim,
      async happen() {
        const id = pid()
        signal(id, 'SIGSTOP')
        await pause(ms)
        signal(id, 'SIGCONT')
      },
    }
  }

  const ofPipeline = (): Fault => {
    const pipeline = oneOf(pipelines)
    const { name: victim } = pipeline
    const chance = random()
    if (chance < 0.4) return pausing(victim, pipeline.pid, takeoverMs * 3)
    if (chance < 0.6)
      return { about: `${victim} was killed`, kind: 'killed', victim, happen: () => pipeline.kill() }
    const moment = nextMoment()
    const { file, line } = moment.point
    const about = `${victim} was killed, and is to die again at ${file}:${line}, pass ${moment.pass}`
    return { about, kind: 'aimed', victim, happen: () => pipeline.kill([killAt(moment)]) }
  }

  const ofNats = (): Fault => {
    const victim = 'nats-server'
    if (random() < 0.35) return pausing(victim, () => house.nats.pid, 2_000)
    const downMs = lengthMs(500)
    const kill = async (): Promise<void> => {
      signal(house.nats.pid, 'SIGKILL')
      await house.nats.stop()
      await pause(downMs)
      await house.nats.start()
    }
    // A server knows of its past only what stands in its streams.
    const again = random() < 0.5
    return {
      about: `${victim} was killed${again ? ' twice' : ''}, and away for ${downMs} ms`,
      kind: 'killed',
      victim,
      async happen() {
        await kill()
        if (!again) return
        await pause(1_000 + random() * 1_000)
        await kill()
      },
    }
  }

  const ofStore = (): Fault => {
    const victim = 'the store'
    if (random() < 0.4) return pausing(victim, store.pid, 3_000)
    const downMs = lengthMs(1_500)
    return {
      about: `${victim} was killed, and away for ${downMs} ms`,
      kind: 'killed',
      victim,
      async happen() {
        await store.kill()
        await pause(downMs)
        await store.restart()
      },
    }
  }

  const one = (): Fault => {
    for (;;) {
      const fault = oneOf([ofPipeline, ofPipeline, ofNats, ofStore])()
      if (only.test(fault.about)) return fault
    }
  }
  return {
    next(): Fault[] {
      const first = one()
      if (random() < 0.7) return [first]
      const second = one()
      // Whoever is paused cannot be killed, too, and started again.
      return second.victim === first.victim ? [first] : [first, second]
    },
  }
}

/** Every `await` in turn, each at another moment. */
function createMoments(random: () => number) {
  const order = killPoints(AWAITS)
    .map((point) => ({ point, weight: random() - (WRITERS.test(point.file) ? 1 : 0) }))
    .sort((one, other) => one.weight - other.weight)
    .map(({ point }) => point)
  let next = 0
  return () => ({
    point: order[next++ % order.length] as (typeof order)[number],
    // The first times are those of the start.
    pass: 1 + Math.floor(random() ** 2 * 12),
    afterMs: random() < 0.5 ? undefined : random() * 5,
  })
}

/** It may have ended by itself meanwhile. */
function signal(pid: number | undefined, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(pid, name)
  } catch {}
}
