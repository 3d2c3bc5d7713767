import { describe, expect, it } from 'vitest'
import type { AnyValue } from '../../src/pipeline/otlp/span.ts'
import { compareBytes, inByteOrder, valueText } from '../../src/pipeline/otlp/text.ts'

describe('attribute values as the Collector writes them', () => {
  it.each<[AnyValue, string]>([
    [undefined, ''],
    ['<a> & "b"', '<a> & "b"'],
    [true, 'true'],
    [-9223372036854775808n, '-9223372036854775808'],
    [1, '1'],
    [0.1, '0.1'],
    [-0, '-0'],
    [1e21, '1e+21'],
    [1e20, '100000000000000000000'],
    [1e-7, '1e-7'],
    [0.000001, '0.000001'],
    [Number.NaN, 'json: unsupported value: NaN'],
    [Number.POSITIVE_INFINITY, 'json: unsupported value: +Inf'],
    [Number.NEGATIVE_INFINITY, 'json: unsupported value: -Inf'],
    [new Uint8Array([0, 255, 1]), 'AP8B'],
    [[], '[]'],
    [['a', 1n, 1.5, true, undefined, new Uint8Array([255])], '["a",1,1.5,true,null,"/w=="]'],
    [['<&>\u2028'], '["<&>\\u2028"]'],
    [[9007199254740993n], '[9007199254740993]'],
    [[Number.NaN], ''],
    [
      new Map<string, AnyValue>([
        ['z', 1n],
        ['a', new Map([['x', []]])],
      ]),
      '{"a":{"x":[]},"z":1}',
    ],
    [new Map<string, AnyValue>([['n', [Number.POSITIVE_INFINITY]]]), ''],
  ])('text - value %# as text', (value, text) => {
    expect(valueText(value)).toBe(text)
  })

  it('text - keys are sorted by their bytes in UTF-8', () => {
    const keys = ['b', 'a', '', 'ab', 'é', '\uff5e', '🦊', '\ue000', 'Z']
    const expected = [...keys].sort((one, other) => Buffer.compare(Buffer.from(one), Buffer.from(other)))
    expect(inByteOrder(keys)).toEqual(expected)
    expect(keys.sort(compareBytes)).toEqual(expected)
  })

  it('text - without surrogates they are sorted in the same order by the engine', () => {
    const keys = ['b', 'a', '', 'ab', 'é', '\uff5e', '\ue000', 'Z', 'a.b', 'a_b', 'aa']
    expect(inByteOrder(keys)).toEqual([...keys].sort(compareBytes))
    expect(inByteOrder([])).toEqual([])
  })
})
