import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createAssignment } from '../../src/contract/assignment.ts'

/** Who could fill which parts, tried in every way. */
function mostByTrying(places: readonly number[], people: readonly (readonly number[])[]): number {
  const [first, ...others] = people
  if (first === undefined) return 0
  return Math.max(
    mostByTrying(places, others),
    ...first
      .filter((part) => (places[part] ?? 0) > 0)
      .map((part) => 1 + mostByTrying(places.with(part, (places[part] ?? 0) - 1), others)),
  )
}

const filled = (places: number[], people: number[][]) => {
  const assignment = createAssignment<number>(places)
  for (const [person, parts] of people.entries()) assignment.add(person, parts)
  return assignment.filled()
}

const scene = fc
  .array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 })
  .chain((places) =>
    fc.tuple(fc.constant(places), fc.array(fc.shuffledSubarray([...places.keys()]), { maxLength: 7 })),
  )

test('assignment - somebody moves to make room for a person who fits only there', () => {
  expect(filled([1, 1], [[0, 1], [0]])).toEqual([
    { person: 0, part: 1 },
    { person: 1, part: 0 },
  ])
})

test('assignment - moves go through as many people as it takes', () => {
  const chain = [[0, 1], [1, 2], [2, 3], [0]]
  expect(filled([1, 1, 1, 1], chain).map(({ part }) => part)).toEqual([1, 2, 3, 0])
})

test('assignment - as many have a place as can have one: equals trying every way', () => {
  fc.assert(
    fc.property(scene, ([places, people]) => {
      expect(filled(places, people)).toHaveLength(mostByTrying(places, people))
    }),
    { numRuns: 500 },
  )
})

test('assignment - nobody stands where they do not fit, nobody twice, and no part has too many', () => {
  fc.assert(
    fc.property(scene, ([places, people]) => {
      const all = filled(places, people)
      expect(new Set(all.map(({ person }) => person)).size).toBe(all.length)
      for (const { person, part } of all) expect(people[person]).toContain(part)
      for (const [part, most] of places.entries())
        expect(all.filter((one) => one.part === part).length).toBeLessThanOrEqual(most)
    }),
  )
})

test('assignment - whoever has a place keeps one, so that those who were first are among those who count', () => {
  fc.assert(
    fc.property(scene, ([places, people]) => {
      const assignment = createAssignment<number>(places)
      let before: number[] = []
      for (const [person, parts] of people.entries()) {
        const has = assignment.add(person, parts)
        const now = assignment.filled().map((one) => one.person)
        expect(now).toEqual(has ? [...before, person] : before)
        before = now
      }
    }),
  )
})
