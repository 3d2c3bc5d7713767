import { describe, expect, it } from 'vitest'
import { scanTraces } from '../../src/pipeline/otlp/scan.ts'
import { codeOf, decodeTraces } from './decoded.ts'
import { encodeProtobuf, type SampleSpan, SPAN, TRACE } from './encode.ts'

const aSpan = (over: Partial<SampleSpan> = {}): SampleSpan => ({
  traceId: TRACE,
  spanId: SPAN,
  name: 'GET /',
  ...over,
})
const PREFIXES = ['holdpoint.', 'gen_ai.', 'db.']
const tellingOf = (...spans: SampleSpan[]): boolean[] =>
  scanTraces(encodeProtobuf({ spans }), PREFIXES).resources.flatMap(({ scopes }) =>
    scopes.flatMap((scope) => scope.spans.map(({ telling }) => telling)),
  )

describe('scanning', () => {
  it.each([
    ['a key of ours', aSpan({ attributes: { a: 1n, 'holdpoint.approval.id': 'x' } })],
    ['a key that begins with a prefix', aSpan({ attributes: { 'gen_ai.tool.name': 'x' } })],
    ['the prefix alone', aSpan({ attributes: { 'db.': 'x' } })],
    ['a key on an event', aSpan({ events: [{ timeNs: 1n, name: 'e', attributes: { 'holdpoint.x': 1n } }] })],
    [
      'a key on a link',
      aSpan({ links: [{ traceId: 'aa', spanId: 'bb', attributes: { 'holdpoint.x': 1n } }] }),
    ],
    ['the name of an action', aSpan({ name: 'execute_tool drop' })],
    ['the name of a wait', aSpan({ name: 'await_approval drop' })],
  ])('otlp - %s makes a span telling, and no other one', (_, span) => {
    expect(tellingOf(aSpan(), span, aSpan())).toEqual([false, true, false])
  })

  it.each([
    ['values', aSpan({ attributes: { a: 'holdpoint.approval.id' } })],
    ['part of a prefix', aSpan({ attributes: { holdpoint: 'x', db: 'y', gen_ai: 'z' } })],
    ['a prefix further on', aSpan({ attributes: { 'x.holdpoint.approval.id': 'x' } })],
    ['another case', aSpan({ attributes: { 'Holdpoint.approval.id': 'x' } })],
    ['an empty key', aSpan({ attributes: { '': 'holdpoint.' } })],
    ['a name that merely contains it', aSpan({ name: 'then execute_tool' })],
    ['a status message', aSpan({ status: { code: 2, message: 'execute_tool' } })],
    ['a trace state', aSpan({ traceState: 'execute_tool' })],
  ])('otlp - %s: not telling', (_, span) => {
    expect(tellingOf(span)).toEqual([false])
  })

  it('otlp - a resource is telling by its own attributes alone', () => {
    const body = Buffer.concat([
      encodeProtobuf({ resource: { 'holdpoint.x': 1n }, spans: [aSpan()] }),
      encodeProtobuf({ resource: { a: 1n }, spans: [aSpan({ attributes: { 'holdpoint.x': 1n } })] }),
    ])
    const { resources } = scanTraces(body, PREFIXES)
    expect(resources.map(({ telling }) => telling)).toEqual([true, false])
    expect(resources[0]?.attributes()).toEqual(new Map([['holdpoint.x', 1n]]))
  })

  it('otlp - a byte order mark belongs to a key, and does not hide what follows it', () => {
    const marked = { '\ufeffholdpoint.verification': 'verified' }
    const body = encodeProtobuf({ spans: [aSpan({ attributes: marked })] })
    expect(decodeTraces(body)[0]?.scopes[0]?.spans[0]?.attributes.has('\ufeffholdpoint.verification')).toBe(
      true,
    )
  })

  it.each([
    ['a lone continuation', '80'],
    ['a cut sequence', 'e282'],
    ['an overlong slash', 'c0af'],
    ['a surrogate', 'eda080'],
    ['beyond Unicode', 'f4908080'],
  ])('otlp - %s in a string is refused: what is verified has to be what is stored', (_, bytes) => {
    for (const before of ['', 'x'.repeat(100)]) {
      const text = Buffer.concat([Buffer.from(before), Buffer.from(bytes, 'hex')])
      const span = Buffer.concat([Buffer.from([0x2a, text.length]), text])
      const scope = Buffer.concat([Buffer.from([0x12, span.length]), span])
      const group = Buffer.concat([Buffer.from([0x12, scope.length]), scope])
      const body = Buffer.concat([Buffer.from([0x0a, group.length]), group])
      expect(codeOf(() => scanTraces(body, []))).toBe('INVALID_INPUT')
    }
  })
})
