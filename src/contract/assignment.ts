export interface Assignment<Person> {
  /**
   * Finds a place for one more person, where `parts` are the parts that they could fill; others may move to another
   * of theirs, and nobody loses a place. False where there is none for them, however the others move.
   */
  add(person: Person, parts: readonly number[]): boolean
  /** Who fills what, in the order in which they were added. */
  filled(): { person: Person; part: number }[]
}

/**
 * Distinct people for parts of a threshold: a bipartite matching with capacities, by augmenting paths (Kuhn). Exact:
 * as many people have a place as could have one, and of two who compete the one who was added first has it.
 */
export function createAssignment<Person>(places: readonly number[]): Assignment<Person> {
  const partOf = new Map<Person, number>()
  const partsOf = new Map<Person, readonly number[]>()

  function place(person: Person, tried: Set<number>): boolean {
    for (const part of partsOf.get(person) ?? []) {
      if (tried.has(part)) continue
      tried.add(part)
      const here = [...partOf].filter(([, other]) => other === part).map(([other]) => other)
      if (here.length < (places[part] ?? 0) || here.some((other) => place(other, tried))) {
        partOf.set(person, part)
        return true
      }
    }
    return false
  }

  return {
    add(person, parts) {
      partsOf.set(person, parts)
      return place(person, new Set())
    },
    filled: () =>
      [...partsOf.keys()].flatMap((person) => {
        const part = partOf.get(person)
        return part === undefined ? [] : [{ person, part }]
      }),
  }
}
