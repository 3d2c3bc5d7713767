/** What waits for a moment. Its place is the queue's own business. */
export interface Waiting {
  dueAtMs: number
  /** In the queue, or -1. */
  place: number
}

/** A priority queue from which anything can be taken out: whatever happens earlier ends the wait. */
export interface DueQueue<T extends Waiting> {
  /** Waits until `dueAtMs` from now on, whether it has waited before or not. */
  put(item: T, dueAtMs: number): void
  remove(item: T): void
  /**
   * Those whose moment has come, earliest first, but only so many at once. They stay until they are put or removed:
   * looking is not doing.
   */
  due(nowMs: number): T[]
  size(): number
  clear(): void
}

/** A binary heap; `due` costs as much as is due. */
export function createDueQueue<T extends Waiting>(): DueQueue<T> {
  const heap: T[] = []

  function set(item: T, place: number): void {
    heap[place] = item
    item.place = place
  }

  function rise(item: T, from: number): void {
    let place = from
    while (place > 0) {
      const above = heap[(place - 1) >>> 1] as T
      if (above.dueAtMs <= item.dueAtMs) break
      set(above, place)
      place = (place - 1) >>> 1
    }
    set(item, place)
  }

  function sink(item: T, from: number): void {
    let place = from
    for (;;) {
      let below = 2 * place + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && (heap[below + 1] as T).dueAtMs < (heap[below] as T).dueAtMs) below++
      const earlier = heap[below] as T
      if (earlier.dueAtMs >= item.dueAtMs) break
      set(earlier, place)
      place = below
    }
    set(item, place)
  }

  function remove(item: T): void {
    const { place } = item
    if (place < 0) return
    item.place = -1
    const last = heap.pop() as T
    if (last === item) return
    sink(last, place)
    if (last.place === place) rise(last, place)
  }

  return {
    put(item, dueAtMs) {
      remove(item)
      item.dueAtMs = dueAtMs
      rise(item, heap.length)
    },
    remove,
    due(nowMs) {
      const found: T[] = []
      const look = [0]
      for (let place = look.pop(); place !== undefined && found.length < MOST; place = look.pop()) {
        const item = heap[place]
        if (item === undefined || item.dueAtMs > nowMs) continue
        found.push(item)
        look.push(2 * place + 1, 2 * place + 2)
      }
      return found.sort((one, other) => one.dueAtMs - other.dueAtMs)
    },
    size: () => heap.length,
    clear() {
      for (const item of heap) item.place = -1
      heap.length = 0
    },
  }
}

const MOST = 10_000
