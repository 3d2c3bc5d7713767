import { describe, expect, it } from 'vitest'
import { codeOf, decodeJson, EVERYTHING, firstSpan } from './decoded.ts'
import { encodeJson, TRACE } from './encode.ts'

describe('OTLP JSON', () => {
  const decode = (value: unknown) =>
    decodeJson(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)))
  const withSpan = (span: object) => ({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })
  const messageOf = (value: unknown): string => {
    try {
      decode(value)
      return 'accepted'
    } catch (error) {
      return (error as Error).message
    }
  }

  it('otlp json - 64-bit integers come as text or as numbers, and lose nothing', () => {
    const body = `{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":1763000000123456789,
      "endTimeUnixNano":"1763000000123456790","attributes":[{"key":"n","value":{"intValue":9007199254740993}}]}]}]}]}`
    const span = firstSpan(decode(body))
    expect(span?.startNs).toBe(1763000000123456789n)
    expect(span?.endNs).toBe(1763000000123456790n)
    expect(span?.attributes.get('n')).toBe(9007199254740993n)
  })

  it('otlp json - unknown members, null members and absent members are all the same', () => {
    const span = firstSpan(
      decode({ ...withSpan({ name: 'a', events: null, flags: 257, new_thing: { x: [] } }), more: 1 }),
    )
    expect(span).toMatchObject({ name: 'a', traceId: '', events: [], kind: 0, startNs: 0n })
  })

  it('otlp json - upper-case ids are the same ids', () => {
    expect(firstSpan(decode(withSpan({ traceId: TRACE.toUpperCase() })))?.traceId).toBe(TRACE)
  })

  it.each([
    [{ resourceSpans: {} }, 'resourceSpans is an object, expected a list'],
    [{ resourceSpans: [3] }, 'resourceSpans[0] is 3, expected an object'],
    [[], 'the body is a list, expected an object'],
    [withSpan({ name: 5 }), 'resourceSpans[0].scopeSpans[0].spans[0].name is 5, expected a text'],
    [withSpan({ traceId: 'xyz!' }), 'spans[0].traceId is "xyz!", expected hex digits'],
    [withSpan({ kind: 'SPAN_KIND_CLIENT' }), 'spans[0].kind is "SPAN_KIND_CLIENT", expected an integer'],
    [withSpan({ startTimeUnixNano: '-1' }), 'startTimeUnixNano is "-1", expected a whole number from 0'],
    [withSpan({ startTimeUnixNano: '1e9' }), 'startTimeUnixNano is "1e9", expected a whole number'],
    [withSpan({ endTimeUnixNano: 1.5 }), 'endTimeUnixNano is 1.5, expected a whole number'],
    [withSpan({ status: [] }), 'spans[0].status is a list, expected an object'],
    [withSpan({ attributes: [{ key: 'a', value: 'x' }] }), 'attributes[0].value is "x", expected an object'],
    [
      withSpan({ attributes: [{ key: 'a', value: { boolValue: 'true' } }] }),
      'value.boolValue is "true", expected true or false',
    ],
    [
      withSpan({ attributes: [{ key: 'a', value: { intValue: '9223372036854775808' } }] }),
      'expected a whole number from -9223372036854775808 to 9223372036854775807',
    ],
    [
      withSpan({ attributes: [{ key: 'a', value: { bytesValue: '~~' } }] }),
      'value.bytesValue is "~~", expected base64',
    ],
    [
      withSpan({ attributes: [{ key: 'a', value: { stringValue: 'x', intValue: 1 } }] }),
      'expected one kind of value',
    ],
    [
      withSpan({ attributes: [{ key: 'a', value: { arrayValue: { values: [1] } } }] }),
      'value.arrayValue.values[0] is 1, expected an object',
    ],
    ['{"resourceSpans":[', 'OTLP JSON: '],
    ['', 'OTLP JSON: '],
    ['\u0000', 'OTLP JSON: '],
  ])('otlp json - %j is refused, naming the place', (body, expected) => {
    expect(messageOf(body)).toContain(expected)
    expect(codeOf(() => decode(body))).toBe('INVALID_INPUT')
  })

  it('otlp json - bytes that are no UTF-8 are refused', () => {
    expect(codeOf(() => decodeJson(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])))).toBe(
      'INVALID_INPUT',
    )
  })

  it('otlp json - nesting is refused before it is parsed', () => {
    expect(codeOf(() => decode('['.repeat(5_000_000)))).toBe('INVALID_INPUT')
    const value = (depth: number): object =>
      depth === 0 ? { stringValue: 'x' } : { arrayValue: { values: [value(depth - 1)] } }
    expect(codeOf(() => decode(withSpan({ attributes: [{ key: 'a', value: value(63) }] })))).toBe('accepted')
    expect(codeOf(() => decode(withSpan({ attributes: [{ key: 'a', value: value(70) }] })))).toBe(
      'INVALID_INPUT',
    )
  })

  it('otlp json - a body of hollow objects is refused before it is parsed', () => {
    const parse = JSON.parse
    let parsed = false
    JSON.parse = (...args) => {
      parsed = true
      return parse(...args)
    }
    try {
      expect(codeOf(() => decode(`{"x":[${'{},'.repeat(100_000)}{}]}`))).toBe('PAYLOAD_TOO_LARGE')
    } finally {
      JSON.parse = parse
    }
    expect(parsed).toBe(false)
  })

  it('otlp json - keys of the language itself are keys like any other', () => {
    const span = firstSpan(
      decode(withSpan({ attributes: [{ key: '__proto__', value: { stringValue: 'x' } }] })),
    )
    expect(span?.attributes.get('__proto__')).toBe('x')
  })

  it('otlp json - cut at any byte, a body is refused', () => {
    const whole = encodeJson(EVERYTHING)
    for (let length = 0; length < whole.length; length++)
      expect([length, codeOf(() => decodeJson(whole.subarray(0, length)))]).toEqual([length, 'INVALID_INPUT'])
  })
})
