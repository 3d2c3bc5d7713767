import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalize, freezeJson, type JsonValue, MAX_DEPTH, parseJson } from '#contract'
import { describeVectors, readVector } from '../support/vectors.ts'

const invalid = expect.objectContaining({ code: 'INVALID_INPUT' })
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

/** Whatever JSON there is that both directions must agree on. */
const anyJson = fc.jsonValue({ maxDepth: 5, stringUnit: 'binary' }).filter((value) => {
  try {
    canonicalize(value)
    return true
  } catch {
    return false
  }
}) as fc.Arbitrary<JsonValue>

describeVectors('RFC 8785 vectors', () => {
  test.each(['arrays', 'french', 'structures', 'unicode', 'weird'])('json - %s', (name) => {
    const canonical = canonicalize(parseJson(readVector(`jcs/input/${name}.json`)))
    expect(canonical).toBe(readVector(`jcs/output/${name}.json`))
    expect(Buffer.from(canonical).toString('hex')).toBe(
      readVector(`jcs/outhex/${name}.txt`).replace(/\s/g, ''),
    )
  })

  test('json - values, less the one number that we refuse: 1E30 is a whole number beyond 2^53', () => {
    const input = readVector('jcs/input/values.json')
    expect(() => parseJson(input)).toThrow(/1E30, beyond 2\^53/)
    const output = readVector('jcs/output/values.json')
    expect(canonicalize(parseJson(input.replace('1E30, ', '')))).toBe(output.replace('1e+30,', ''))
  })
})

describe('parseJson', () => {
  test.each([
    ['a key twice', '{"a":1,"a":1}'],
    ['a key twice, once escaped', '{"a":1,"\\u0061":2}'],
    ['a key twice, both escaped in their own way', '{"\\u002f":1,"\\/":2}'],
    ['an empty key twice', '{"":1,"":2}'],
    ['a key twice, deep inside', '[{"x":[{"k":{"a":1,"b":[],"a":2}}]}]'],
    ['a key twice with the first one an object', '{"a":{"b":1},"a":2}'],
    ['a key twice around a list with braces in texts', '{"a":["}","{"],"a":2}'],
    ['__proto__ twice', '{"__proto__":1,"__proto__":2}'],
    ['a lone high surrogate', '"\\ud800"'],
    ['a lone low surrogate', '["\\udc00"]'],
    ['surrogates the wrong way round', '"\\udc00\\ud800"'],
    ['a raw lone surrogate', '"\ud800"'],
    ['a lone surrogate in a key', '{"\\ud800":1}'],
    ['2^53 + 1', '9007199254740993'],
    ['2^53', '9007199254740992'],
    ['2^53 written with a fraction', '9007199254740992.0'],
    ['−2^53', '[-9007199254740992]'],
    ['1e400', '1e400'],
    ['−1e400', '{"a":-1e400}'],
    ['1e300', '1e300'],
    ['a number of a thousand digits', '9'.repeat(1000)],
    [`nesting of ${MAX_DEPTH + 1}`, nested(MAX_DEPTH + 1)],
    ['nesting of a million', '['.repeat(1_000_000)],
    ['nothing', ''],
    ['white space', ' '],
    ['a byte order mark', '\ufeff{}'],
    ['two values', '{} {}'],
    ['a comma too many', '[1,]'],
    ['a comma too many in an object', '{"a":1,}'],
    ['a comment', '{/**/}'],
    ['single quotes', "{'a':1}"],
    ['a key without quotes', '{a:1}'],
    ['NaN', 'NaN'],
    ['Infinity', '[Infinity]'],
    ['a leading zero', '01'],
    ['a leading plus', '+1'],
    ['hexadecimal', '0x10'],
    ['an end of line in a text', '"a\nb"'],
    ['a NUL in a text', '"a\0b"'],
    ['an unfinished text', '{"a'],
    ['an unfinished escape', '"\\u12"'],
    ['an unfinished object', '{"a":1'],
    ['brackets that do not match', '{"a":[1}'],
    ['undefined', 'undefined'],
  ])('json - %s is refused', (_, source) => {
    expect(() => parseJson(source)).toThrow(invalid)
  })

  test('json - __proto__ is an ordinary key and poisons nothing', () => {
    const parsed = parseJson('{"__proto__":{"admin":true},"constructor":1}') as Record<string, unknown>
    expect(Object.keys(parsed)).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype)
    expect('admin' in parsed).toBe(false)
    expect(canonicalize(parsed)).toBe('{"__proto__":{"admin":true},"constructor":1}')
    expect(canonicalize(freezeJson(parsed))).toBe('{"__proto__":{"admin":true},"constructor":1}')
  })

  test('json - equal keys in different objects, and equal texts in one list, are no duplicates', () => {
    const source = '{"a":{"a":["a","a",{"a":"a"}]},"b":[{"a":1},{"a":1}]}'
    expect(parseJson(source)).toEqual(JSON.parse(source))
  })

  test.each(['9007199254740991', '-9007199254740991', '0.1', '-0', '1e-400', '56.0'])(
    'json - the number %s is read',
    (source) => {
      expect(parseJson(source)).toBe(Number(source))
    },
  )

  test('json - reads what JSON.parse reads, and a key that is doubled never', () => {
    fc.assert(
      fc.property(anyJson, fc.string(), (value, key) => {
        const source = JSON.stringify(value)
        expect(parseJson(source)).toEqual(JSON.parse(source))
        const name = JSON.stringify(key)
        expect(() => parseJson(`{${name}:${source},"x${name.slice(1)}:0,${name}:${source}}`)).toThrow(invalid)
      }),
    )
  })
})

describe('canonicalize', () => {
  class Money {
    amount = 1
  }
  test.each([
    ['NaN', Number.NaN],
    ['infinity', [Number.POSITIVE_INFINITY]],
    ['2^53', { a: 2 ** 53 }],
    ['1e30', 1e30],
    ['a lone surrogate', 'a\ud800'],
    ['a lone surrogate in a key', { '\udfff': 1 }],
    ['undefined', undefined],
    ['undefined in a list', [undefined]],
    ['a hole in a list', new Array(1)],
    ['a function', { a: () => 1 }],
    ['toJSON', { a: 1, toJSON: () => ({}) }],
    ['a symbol', Symbol('a')],
    ['a bigint', 1n],
    ['a date', new Date(0)],
    ['a map', new Map()],
    ['bytes', new Uint8Array(1)],
    ['a boxed text', Object('a')],
    ['an instance of a class', new Money()],
    ['an error', new Error('a')],
    [
      'a cycle',
      (() => {
        const a: unknown[] = []
        a.push(a)
        return a
      })(),
    ],
    [`nesting of ${MAX_DEPTH + 1}`, JSON.parse(nested(MAX_DEPTH + 1))],
  ])('json - %s is not made canonical', (_, value) => {
    expect(() => canonicalize(value)).toThrow(invalid)
    expect(() => freezeJson(value)).toThrow(invalid)
  })

  test('json - goes exactly as deep as parseJson', () => {
    const deepest = JSON.parse(nested(MAX_DEPTH))
    expect(parseJson(canonicalize(deepest))).toEqual(deepest)
    const leaf = `${'['.repeat(MAX_DEPTH)}1${']'.repeat(MAX_DEPTH)}`
    expect(canonicalize(parseJson(leaf))).toBe(leaf)
  })

  test('json - a member that is undefined is absent; null is not', () => {
    expect(canonicalize({ b: undefined, a: null })).toBe('{"a":null}')
  })

  test('json - keys are in the order of their UTF-16 code units', () => {
    expect(canonicalize({ '\ufb33': 1, '😂': 2, b: 3, B: 4, '10': 5, '9': 6 })).toBe(
      '{"10":5,"9":6,"B":4,"b":3,"😂":2,"\ufb33":1}',
    )
  })

  test('json - an object without a prototype is like any other', () => {
    expect(canonicalize(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}')
  })

  test('json - one value has one canonical form, which reads back as the value and goes through unchanged', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const canonical = canonicalize(value)
        expect(canonicalize(parseJson(canonical))).toBe(canonical)
        expect(JSON.stringify(parseJson(canonical))).toHaveLength(canonical.length)
        expect(canonicalize(reversed(value))).toBe(canonical)
      }),
    )
  })
})

describe('freezeJson', () => {
  test('json - the copy cannot be changed, and later changes of the original do not reach it', () => {
    const original = { a: { b: [1, { c: 2 }] } }
    const frozen = freezeJson(original) as typeof original
    original.a.b.push(9)
    expect(frozen).toEqual({ a: { b: [1, { c: 2 }] } })
    expect(() => frozen.a.b.push(3)).toThrow(TypeError)
    expect(() => Object.assign(frozen.a.b[1] as object, { c: 3 })).toThrow(TypeError)
    expect(() => Object.assign(frozen, { d: 1 })).toThrow(TypeError)
  })

  test('json - a member that answers differently each time is asked once', () => {
    let asked = 0
    const shifty = {
      get amount() {
        return ++asked
      },
    }
    const frozen = freezeJson(shifty)
    expect([frozen, frozen, asked]).toEqual([{ amount: 1 }, { amount: 1 }, 1])
  })
})

/** The same value with the keys of every object put in the other way round. */
function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(reversed)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).reverse()
  return Object.fromEntries(entries.map(([key, member]) => [key, reversed(member)]))
}
