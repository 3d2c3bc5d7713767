import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLineReader } from '../../src/gateway/mcp/lines.ts'
import { readLine } from '../../src/gateway/mcp/message.ts'
import { readToolCall, writeToolCall } from '../../src/gateway/mcp/tool-call.ts'

const MAX = 40
const RUNS = { numRuns: 500, seed: 7 }

function read(chunks: Buffer[]): (string | null)[] {
  const seen: (string | null)[] = []
  const reader = createLineReader({
    maxBytes: MAX,
    onLine: (line) => seen.push(line.toString('latin1')),
    onTooLong: () => seen.push(null),
  })
  for (const chunk of chunks) reader.push(chunk)
  return seen
}

test('lines - however a stream is cut into chunks, its lines are the same, and the long ones are said once', () => {
  const lines = fc.array(
    fc
      .uint8Array({ maxLength: MAX * 3 })
      .map((bytes) => Buffer.from(bytes).toString('latin1').replaceAll('\n', ' ')),
    { maxLength: 12 },
  )
  const cuts = fc.array(fc.nat(400), { maxLength: 20 })
  fc.assert(
    fc.property(lines, cuts, (given, at) => {
      const whole = Buffer.from(given.map((line) => `${line}\n`).join(''), 'latin1')
      const places = [
        0,
        ...at.filter((place) => place <= whole.length).toSorted((a, b) => a - b),
        whole.length,
      ]
      const chunks = places.slice(1).map((place, n) => whole.subarray(places[n], place))
      expect(read(chunks)).toEqual(given.map((line) => (line.length > MAX ? null : line)))
    }),
    RUNS,
  )
})

test('lines - what comes after the last newline is not a line yet', () => {
  expect(read([Buffer.from('a\nb')])).toEqual(['a'])
  expect(read([Buffer.from('a\nb'), Buffer.from('\n')])).toEqual(['a', 'b'])
})

test('messages - no bytes at all make the reader fail', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.constantFrom('client', 'server'), (bytes, from) => {
      expect(() => readLine(Buffer.from(bytes), from as 'client')).not.toThrow()
    }),
    RUNS,
  )
})

test('messages - no JSON at all makes it fail, and a call is never taken for anything else', () => {
  const method = fc.constantFrom(
    'tools/call',
    'Tools/Call',
    'tools/call ',
    'ping',
    'tools\u0000/call',
    7,
    null,
  )
  const id = fc.oneof(fc.integer(), fc.string(), fc.constant(null), fc.double(), fc.object())
  const message = fc.record(
    {
      jsonrpc: fc.constantFrom('2.0', '1.0'),
      method,
      id,
      params: fc.jsonValue(),
      result: fc.jsonValue(),
      Method: method,
    },
    { requiredKeys: ['jsonrpc'] },
  )
  fc.assert(
    fc.property(fc.oneof(message, fc.array(message, { maxLength: 3 })), (value) => {
      const text = JSON.stringify(value)
      const understood = readLine(Buffer.from(text), 'client')
      const passes = understood !== undefined && !('fault' in understood)
      if (passes && /tools.{0,1}\/call/i.test(text) && !understood.isCall)
        // As data, or in a batch, which the relay refuses: never as the method of a message that passes.
        expect(
          understood.isBatch ||
            understood.messages.every((one) => !/tools.?\/call/i.test(String(one.method))),
        ).toBe(true)
    }),
    RUNS,
  )
})

test('messages - a call that is written anew is read as the same', () => {
  const args = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ stringUnit: 'grapheme' }), {
    maxKeys: 5,
  })
  fc.assert(
    fc.property(args, fc.string({ minLength: 1, unit: 'grapheme' }), (given, name) => {
      const line = JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'tools/call',
        params: { name, arguments: given },
      })
      const read = readLine(Buffer.from(line), 'client')
      // What has no canonical form is refused: lone surrogates, and numbers that only some can hold.
      if (read === undefined || 'fault' in read) return
      const call = readToolCall(read.messages[0] as never)
      if (typeof call === 'string') throw new Error(call)
      const written = writeToolCall(call, call.arguments ?? {})
      expect(written).not.toMatch(/[\n\r\u2028\u2029]/)
      expect(JSON.parse(written)).toEqual(JSON.parse(line))
    }),
    RUNS,
  )
})
