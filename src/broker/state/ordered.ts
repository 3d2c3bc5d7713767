/** A list in the order of a number that every item has of its own. Adding at the end, the usual case, costs nothing. */
export interface Ordered<T> {
  add(item: T): void
  /** One that is in it. */
  remove(item: T): void
  /** Not to be kept: what is added later may stand in it as well. */
  items(): readonly T[]
  size(): number
  clear(): void
}

/** Below that, a list with gaps is not worth a look at all of it. */
const FEW = 1_000

/** What is removed leaves when somebody looks, many at once: a gap closed alone moves all that stands behind it. */
export function createOrdered<T>(numberOf: (item: T) => number): Ordered<T> {
  const items: T[] = []
  const gone = new Set<T>()

  function tidy(): void {
    const leaving = [...gone].sort((one, other) => numberOf(one) - numberOf(other))
    const [first] = leaving
    let to = first === undefined ? items.length : placeAfter(items, numberOf, numberOf(first)) - 1
    let next = 0
    for (let from = to; from < items.length; from++) {
      if (items[from] === leaving[next]) next++
      else items[to++] = items[from] as T
    }
    items.length = to
    gone.clear()
  }

  return {
    add(item) {
      const place = placeAfter(items, numberOf, numberOf(item))
      if (place === items.length) items.push(item)
      else items.splice(place, 0, item)
    },
    remove(item) {
      gone.add(item)
      if (gone.size > FEW && gone.size > items.length / 2) tidy()
    },
    items() {
      if (gone.size > 0) tidy()
      return items
    },
    size: () => items.length - gone.size,
    clear() {
      items.length = 0
      gone.clear()
    },
  }
}

/** How many of the items have a number of at most this one: where the next one stands. */
export function placeAfter<T>(items: readonly T[], numberOf: (item: T) => number, number: number): number {
  let from = 0
  let to = items.length
  const last = items[to - 1]
  if (last === undefined || numberOf(last) <= number) return to
  while (from < to) {
    const middle = (from + to) >>> 1
    if (numberOf(items[middle] as T) <= number) from = middle + 1
    else to = middle
  }
  return from
}
