import { expect, describe as group, test } from 'vitest'
import {
  actionShape,
  atLeast,
  boolean,
  check,
  describe,
  integer,
  list,
  literal,
  object,
  optional,
  parse,
  record,
  secretText,
  text,
  variant,
} from '#contract'

const person = object({
  name: text({ min: 1, max: 5 }),
  age: optional(integer({ min: 0, max: 150 })),
  tags: optional(list(literal('a', 'b'), { max: 2 })),
})
const problemsOf = (shape: Parameters<typeof check>[0], value: unknown) => {
  const checked = check(shape, value)
  return checked.ok ? [] : checked.problems.map(describe)
}

group('shape', () => {
  test('shape - what fits comes back as it is, without members that are absent', () => {
    expect(parse(person, { name: 'Bea', age: undefined }, 'person')).toEqual({ name: 'Bea' })
    expect(Object.keys(parse(person, { name: 'Bea', age: undefined }, 'person'))).toEqual(['name'])
  })

  test('shape - every problem is reported, each with its path, its value and what was expected', () => {
    expect(problemsOf(person, { name: '', age: 151, tags: ['a', 'c'], nick: 1 })).toEqual([
      'nick is "nick", expected one of the keys name, age, tags',
      'name is "", expected a text of 1 to 5 characters',
      'age is 151, expected a whole number from 0 to 150',
      'tags.1 is "c", expected "a" or "b"',
    ])
  })

  test('shape - the error names the place', () => {
    expect(() => parse(person, {}, 'hello')).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        message: 'hello: name is missing, expected a text of 1 to 5 characters',
      }),
    )
    expect(() => parse(person, [], 'hello')).toThrow('hello: the value is a list of 0, expected a mapping')
  })

  test.each([
    ['a text that is too long', text({ max: 2 }), 'abc'],
    ['a text with a lone surrogate', text(), '\ud800'],
    ['a text off its pattern', text({ pattern: /^a$/ }), 'a\n'],
    ['a boxed text', text(), Object('a')],
    ['a number as a text', text(), 1],
    ['a fraction', integer(), 1.5],
    ['a number beyond 2^53', integer(), 2 ** 53],
    ['NaN', integer(), Number.NaN],
    ['a text as a number', integer(), '1'],
    ['a bigint', integer(), 1n],
    ['null for an optional member', person, { name: 'a', age: null }],
    ['a list for a mapping', record(integer()), []],
    ['too many entries', record(integer(), { max: 1 }), { a: 1, b: 2 }],
    ['a key off its pattern', record(integer(), { key: /^a$/ }), { b: 1 }],
    ['too few entries', list(integer(), { min: 1 }), []],
    ['something like a list', list(integer()), { length: 0 }],
    ['1 for true', boolean, 1],
    ['another literal', literal<'a' | 1>('a', 1), '1'],
    ['an unknown variant', variant('type', { a: object({ type: literal('a') }) }), { type: 'b' }],
    [
      'a variant that every object has',
      variant('type', { a: object({ type: literal('a') }) }),
      { type: 'toString' },
    ],
    ['no variant', variant('type', { a: object({ type: literal('a') }) }), null],
    ['a member of the prototype', object({ toString: text() }), {}],
    ['__proto__ among the members', object({}), JSON.parse('{"__proto__":1}')],
  ])('shape - %s does not fit', (_, shape, value) => {
    expect(problemsOf(shape as Parameters<typeof check>[0], value).length).toBeGreaterThan(0)
  })

  test('shape - a key of the sender is shown without its control characters, and cut', () => {
    const [shown = ''] = problemsOf(object({}), { [`\u001b[2J\n${'x'.repeat(10_000)}`]: 1 })
    expect(shown).toContain('\\u001b[2J\\n')
    expect(shown.length).toBeLessThan(300)
  })

  test('shape - a message of a hundred thousand problems makes a short answer', () => {
    const many = Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`k${index}`, 1]))
    expect(problemsOf(person, many).length).toBe(100)
  })

  test('shape - an action without arguments is not an action with any', () => {
    const action = {
      kind: 'tool',
      name: 'export',
      arguments: null,
      runtime: { serviceName: 's', host: 'h' },
      trace: { traceId: '1'.repeat(32), spanId: '2'.repeat(16) },
    }
    expect(problemsOf(actionShape, action)).toEqual([])
    const { arguments: _, ...without } = action
    expect(problemsOf(actionShape, without)).toEqual(['arguments is missing, expected a JSON value'])
  })
})

test('shape - what is wrong with a secret is said without showing it', () => {
  const shape = object({ token: secretText({ min: 1, max: 8 }) })
  const refusal = (token: unknown) => {
    const checked = check(shape, { token })
    return checked.ok ? '' : checked.problems.map(describe).join()
  }
  expect(refusal('eyJhbGciOiJub25lIn0')).toBe(
    'token is a text that is not shown, expected a text of 1 to 8 characters',
  )
  expect(refusal(7)).toContain('token is 7')
  expect(refusal(undefined)).toContain('token is missing')
})

test('shape - a long value is cut between characters, not within one', () => {
  const checked = check(object({ name: text({ max: 1 }) }), { name: '😀'.repeat(100) })
  expect(checked.ok).toBe(false)
  for (const problem of checked.ok ? [] : checked.problems)
    expect(describe(problem).isWellFormed()).toBe(true)
})

test('shape - an assurance that nobody knows is never enough', () => {
  expect(atLeast('passkey', 'retina' as never)).toBe(false)
  expect(atLeast('retina' as never, 'chat')).toBe(false)
  expect(atLeast('login', 'login')).toBe(true)
})
