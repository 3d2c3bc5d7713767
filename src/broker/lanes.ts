/** Work of many senders, side by side: a flood of one leaves the others their turn. */
export interface Lanes {
  /**
   * Has `work` done when it is the turn of this lane; false, and nothing is done, where too much waits in it.
   * `bytes` is what it keeps in memory until then.
   */
  take(lane: string, bytes: number, work: () => Promise<void>): boolean
}

export interface LanesConfig {
  /** Of one lane, at the same time. */
  mostUnderWay: number
  /** Of one lane, beyond that. */
  mostWaiting: number
  mostWaitingBytes: number
}

interface Lane {
  underWay: number
  waiting: { bytes: number; work: () => Promise<void> }[]
  waitingBytes: number
}

/** Lanes take turns, and between two turns the line is read: what others send does not stand behind a queue. */
export function createLanes({ mostUnderWay, mostWaiting, mostWaitingBytes }: LanesConfig): Lanes {
  const lanes = new Map<string, Lane>()
  let isTurnComing = false

  function take(name: string, bytes: number, work: () => Promise<void>): boolean {
    const lane = lanes.get(name) ?? { underWay: 0, waiting: [], waitingBytes: 0 }
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
      if (lane.underWay < mostUnderWay) begin(name, lane)
      if (lane.waiting.length > 0 && lane.underWay < mostUnderWay) comeToTurn()
    }
  }

  function begin(name: string, lane: Lane): void {
    const next = lane.waiting.shift()
    if (!next) return
    lane.waitingBytes -= next.bytes
    lane.underWay++
    void next.work().finally(() => {
      lane.underWay--
      if (lane.waiting.length > 0) comeToTurn()
      else if (lane.underWay === 0) lanes.delete(name)
    })
  }

  return { take }
}
