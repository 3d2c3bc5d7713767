/** A list in the order of a number that every item has of its own. Adding at the end, the usual case, costs nothing. */
export interface Ordered<T> {
  add(item: T): void
  remove(item: T): void
  items(): readonly T[]
  clear(): void
}

export function createOrdered<T>(numberOf: (item: T) => number): Ordered<T> {
  const items: T[] = []
  return {
    add(item) {
      const place = placeAfter(items, numberOf, numberOf(item))
      if (place === items.length) items.push(item)
      else items.splice(place, 0, item)
    },
    remove(item) {
      const place = placeAfter(items, numberOf, numberOf(item)) - 1
      if (items[place] === item) items.splice(place, 1)
    },
    items: () => items,
    clear: () => void items.splice(0),
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
