/** Work of many senders, side by side: a flood of one leaves the others their turn. */
export interface Lanes {
  /**
   * Has `work` done when it is the turn of this lane; false, and nothing is done, where too much waits in it.
   * `bytes` is what it keeps in memory until then, and what its turn costs.
   */
  take(lane: string, bytes: number, work: () => Promise<void>): boolean
}

export interface LanesConfig {
  /** Of one lane, at the same time; of several large ones only one. */
  mostUnderWay: number
  mostBytesUnderWay: number
  /** Of one lane, beyond that. */
  mostWaiting: number
  mostWaitingBytes: number
  /** What of a message costs nothing but its turn: all of a small one. */
  freeBytes: number
  /** What a lane may be given to do beyond that, in the long run and at once: a large message costs everybody time. */
  bytesPerSecond: number
  burstBytes: number
}

interface Lane {
  underWay: number
  bytesUnderWay: number
  waiting: { bytes: number; work: () => Promise<void> }[]
  waitingBytes: number
  /** When all that it was given will have been made good. */
  evenAtMs: number
  isResting: boolean
}

/** Lanes take turns, and between two turns the line is read: what others send does not stand behind a queue. */
export function createLanes(config: LanesConfig, deps: { now: () => number }): Lanes {
  const { mostUnderWay, mostBytesUnderWay, mostWaiting, mostWaitingBytes, freeBytes } = config
  const bytesPerMs = config.bytesPerSecond / 1_000
  const burstMs = config.burstBytes / bytesPerMs
  const { now } = deps
  const lanes = new Map<string, Lane>()
  let isTurnComing = false

  function take(name: string, bytes: number, work: () => Promise<void>): boolean {
    const lane = lanes.get(name) ?? { ...EMPTY, waiting: [] }
    const { length } = lane.waiting
    if (length >= mostWaiting || (length > 0 && lane.waitingBytes + bytes > mostWaitingBytes)) return false
    lanes.set(name, lane)
    lane.waiting.push({ bytes, work })
    lane.waitingBytes += bytes
    comeToTurn()
    return true
  }

  function comeToTurn(): void {
    if (isTurnComing) return
    isTurnComing = true
    setImmediate(turn)
  }

  /** One of each lane. */
  function turn(): void {
    isTurnComing = false
    for (const [name, lane] of lanes) {
      if (mayBegin(lane)) begin(lane)
      if (mayBegin(lane)) comeToTurn()
      else if (lane.waiting.length > 0) rest(lane)
      else if (lane.underWay === 0 && lane.evenAtMs <= now()) lanes.delete(name)
    }
  }

  const restMs = (lane: Lane): number => lane.evenAtMs - now() - burstMs

  function mayBegin(lane: Lane): boolean {
    const [next] = lane.waiting
    if (!next || lane.underWay >= mostUnderWay || restMs(lane) > 0) return false
    return lane.underWay === 0 || lane.bytesUnderWay + next.bytes <= mostBytesUnderWay
  }

  function rest(lane: Lane): void {
    const ms = restMs(lane)
    if (ms <= 0 || lane.isResting) return
    lane.isResting = true
    setTimeout(() => {
      lane.isResting = false
      comeToTurn()
    }, Math.ceil(ms)).unref()
  }

  function begin(lane: Lane): void {
    const next = lane.waiting.shift()
    if (!next) return
    const { bytes, work } = next
    lane.waitingBytes -= bytes
    lane.underWay++
    lane.bytesUnderWay += bytes
    lane.evenAtMs = Math.max(lane.evenAtMs, now()) + Math.max(0, bytes - freeBytes) / bytesPerMs
    void work().finally(() => {
      lane.underWay--
      lane.bytesUnderWay -= bytes
      comeToTurn()
    })
  }

  return { take }
}

const EMPTY: Omit<Lane, 'waiting'> = {
  underWay: 0,
  bytesUnderWay: 0,
  waitingBytes: 0,
  evenAtMs: 0,
  isResting: false,
}
