import { HoldpointError, TELEMETRY_CURSOR_STREAM, TELEMETRY_STREAM } from '#contract'
import type { Component, Log } from '#runtime'
import { createBell } from './bell.ts'
import { type BatchLimits, type Composed, createComposer } from './composer.ts'
import { type Cursor, type CursorRecord, type Cursors, storedUpTo } from './cursor.ts'
import type { DeadLetters } from './dead-letters.ts'
import { createHold, type Hold } from './hold.ts'
import { createKept } from './kept.ts'
import type { Measures } from './measures.ts'
import type { Portion, Storing } from './portion.ts'
import { createSettler } from './settle.ts'
import type { TelemetryStream } from './stream.ts'
import { createTrouble } from './trouble.ts'

export interface LaneConfig {
  lane: number
  /** Names this process, and no other. */
  writer: string
  limits: BatchLimits
  /** A cursor that has stood still for so long is somebody else's. */
  takeoverMs: number
  /** How often it looks while nothing happens. */
  pollMs: number
  keepMs: number
  keepBytes: number
}

export interface LaneDeps {
  cursors: Cursors
  stream: TelemetryStream
  deadLetters: Pick<DeadLetters, 'add'>
  storing: Storing
  measures: Pick<Measures, 'tookOver' | 'stored' | 'dead' | 'working'>
  log: Log
  elapsed: () => number
}

/** Stores what one lane holds, unless another pipeline does. */
export interface Lane extends Component {
  /** Something has come. */
  ring(): void
}

export function createLane(config: LaneConfig, deps: LaneDeps): Lane {
  const { lane, writer, limits, takeoverMs, pollMs } = config
  const { cursors, stream, deadLetters, storing, measures, elapsed } = deps
  const log = deps.log.child({ lane })
  const bell = createBell()
  const composer = createComposer({ lane, limits }, { stream, sleep: bell.sleep })
  const settler = createSettler({ storing, deadLetters, log, bell, elapsed, onDead: measures.dead })
  const kept = createKept(config, { stream, elapsed })
  const trouble = createTrouble('reading the buffer', { log, bell })
  /** The cursor of another writer, and since when we have seen it stand still. */
  let standing: { seq: number; sinceMs: number } | undefined
  let running: Promise<void> | undefined

  async function run(): Promise<void> {
    while (!bell.isStopping()) {
      try {
        const taken = await take()
        trouble.over()
        if (taken === 'empty') await bell.wait(pollMs)
        else if (taken === 'others') await bell.sleep(pollMs)
        // Others look as often, and get their chance.
        else if ((await drain(taken.hold, taken.composed)) === 'left') await bell.sleep(2 * pollMs)
        await trim()
      } catch (error) {
        // While nobody could see it move, it did not stand still.
        standing = undefined
        await trouble.wait(error)
      }
    }
  }

  async function take(): Promise<Taken | 'empty' | 'others'> {
    const cursor = await cursors.read(lane)
    const { created, lastSeq, bytes } = await stream.info()
    const last = cursor.record?.stream === created ? cursor.record : undefined
    if (last !== undefined) assertReached(last, lastSeq)
    kept.limit(last === undefined ? 0 : storedUpTo(last))
    if (last !== undefined && last.state !== 'stored') return takeOver(cursor, last, bytes)
    standing = undefined
    const composed = await composer.first({ stream: created, to: last?.to ?? 0 })
    return composed ? claim(cursor, composed, bytes) : 'empty'
  }

  /** Put back to a backup, or without an end that was never on disk, the stream gives numbers that count as stored. */
  function assertReached({ to }: CursorRecord, lastSeq: number): void {
    if (lastSeq >= to) return
    throw new HoldpointError(
      'UNAVAILABLE',
      `${TELEMETRY_STREAM} ends at ${lastSeq}, and lane ${lane} is stored up to ${to}: the stream was put back to a ` +
        `backup, or has lost its end. Without ${TELEMETRY_CURSOR_STREAM} all that stands in it is stored, once more what was`,
      { retryable: true },
    )
  }

  /** A batch that is not stored, as far as anybody knows: the very same one again, under the same token. */
  async function takeOver(cursor: Cursor, last: CursorRecord, bytes: number): Promise<Taken | 'others'> {
    // One of our own was written, and the answer lost.
    const isFree = last.state === 'left' || last.writer === writer
    if (standing?.seq !== cursor.seq) standing = { seq: cursor.seq, sinceMs: elapsed() }
    if (!isFree && elapsed() - standing.sinceMs < takeoverMs) return 'others'
    const taken = await claim(cursor, await composer.again(last), bytes, last.apart)
    if (taken !== 'others' && !isFree) {
      log.warn('a lane whose writer has stopped was taken over', { from: last.from, to: last.to })
      measures.tookOver()
    }
    return taken
  }

  async function claim(
    before: Cursor,
    composed: Composed,
    bytes: number,
    apart: string[] = [],
  ): Promise<Taken | 'others'> {
    const record = { ...recordOf(composed), ...(apart.length === 0 ? {} : { apart }) }
    const sinceMs = elapsed()
    const seq = await cursors.write(lane, record, before.seq)
    if (seq === undefined) return 'others'
    // What others have stored and kept is ours to remove from now on.
    if (before.record?.writer !== writer) kept.add({ stream: composed.stream, to: composed.from - 1, bytes })
    return { composed, hold: createHold({ lane, takeoverMs, record, seq, sinceMs }, { cursors, elapsed }) }
  }

  /** Batch after batch until the lane is empty; the next one is prepared while this one is stored. */
  async function drain(hold: Hold, first: Composed): Promise<CursorRecord['state']> {
    let current: Opened | undefined = open(first)
    let following: Promise<Opened | undefined> = Promise.resolve(undefined)
    let isStored = false
    try {
      while (current !== undefined) {
        const { composed, portions }: Opened = current
        measures.working(lane, composed)
        following = bell.isStopping() ? Promise.resolve(undefined) : composer.next(composed).then(openSome)
        following.catch(() => {})
        if (!(await settler.settle(portions, hold))) return await leave(hold, 'left')
        isStored = true
        measures.stored(composed)
        kept.add(composed)
        current = await following
        if (current === undefined || bell.isStopping()) break
        await hold.move(recordOf(current.composed))
        isStored = false
        await trim()
      }
      return await leave(hold, 'stored')
    } catch (error) {
      if (hold.isLost()) log.warn('another pipeline has taken this lane over')
      else if (!bell.isStopping()) throw error
      // So that nobody has to wait for us.
      else await leave(hold, isStored ? 'stored' : 'left').catch(() => {})
      return hold.record().state
    } finally {
      hold.end()
      measures.working(lane, undefined)
      // It reads on where the next one begins.
      await following.catch(() => {})
    }
  }

  async function leave(hold: Hold, state: CursorRecord['state']): Promise<CursorRecord['state']> {
    await hold.move({ ...hold.record(), state })
    return state
  }

  const open = (composed: Composed): Opened => ({ composed, portions: settler.open(lane, composed) })
  const openSome = (composed: Composed | undefined): Opened | undefined => composed && open(composed)

  const recordOf = ({ stream: of, from, to }: Composed): CursorRecord => ({
    ...{ stream: of, from, to, writer },
    state: 'storing',
  })

  /** It can wait: what is kept too long harms nobody. */
  const trim = (): Promise<void> =>
    kept.trim().catch((error: unknown) => log.debug('what is stored was not removed', { error }))

  return {
    name: `lane ${lane} of the buffer`,
    ring: bell.ring,
    async start() {
      running ??= run()
    },
    async stop() {
      bell.stop()
      await running
    },
  }
}

interface Opened {
  composed: Composed
  portions: Portion[]
}

interface Taken {
  hold: Hold
  composed: Composed
}
