import { expect, it } from 'vitest'
import { ATTR, GEN_AI } from '#contract'
import { claimOf } from '../../src/pipeline/verification/claims.ts'
import { decodeTraces } from './decoded.ts'
import { aSpan, encodeProtobuf, type SampleSpan, SPAN, TRACE } from './encode.ts'
import { APPROVED_ATTRIBUTES as APPROVED, UNASKED_ATTRIBUTES as UNASKED } from './entries.ts'
import { claim, OTHER_TRACE } from './judging.ts'

const isAction = (span: SampleSpan): boolean => {
  const decoded = decodeTraces(encodeProtobuf({ spans: [aSpan(span)] }))[0]?.scopes[0]?.spans[0]
  return decoded !== undefined && claimOf(decoded, new Map()) !== undefined
}

it.each<[string, SampleSpan, boolean]>([
  [
    'a tool call by the conventions',
    { name: 'x', attributes: { [GEN_AI.operationName]: 'execute_tool' } },
    true,
  ],
  ['a tool call by its name alone', { name: 'execute_tool export' }, true],
  ['any attribute of ours', { name: 'GET /', attributes: { [ATTR.approverName]: 'Bob' } }, true],
  [
    'nothing but a verdict of its own',
    { name: 'GET /', attributes: { [ATTR.verification]: 'verified' } },
    true,
  ],
  [
    'a wait that says it is a tool call',
    { name: 'await_approval x', attributes: { [GEN_AI.operationName]: 'execute_tool' } },
    true,
  ],
  [
    'the wait for an approval',
    { name: 'await_approval export', attributes: { [ATTR.approvalId]: 'r1' } },
    false,
  ],
  ['a model call', { name: 'chat gpt', attributes: { [GEN_AI.operationName]: 'chat' } }, false],
  ['anything else', { name: 'GET /', attributes: { 'http.route': '/' } }, false],
])('claims - %s: an action or not', (_, span, expected) => {
  expect(isAction(span)).toBe(expected)
})

it('claims - the span ids are those of the span, whatever its attributes say', () => {
  expect(claim({ ...APPROVED, trace_id: OTHER_TRACE }).trace).toEqual({ traceId: TRACE, spanId: SPAN })
})

it('claims - an environment as long as none is registered says nothing, and is not kept with each span', () => {
  const within = (environment: string) => {
    const resource = { 'deployment.environment.name': environment }
    const [batch] = decodeTraces(encodeProtobuf({ resource, spans: [aSpan({ attributes: UNASKED })] }))
    const span = batch?.scopes[0]?.spans[0]
    return span && claimOf(span, batch.resource)?.environment
  }
  expect(within('prod')).toBe('prod')
  expect(within('x'.repeat(60_000))).toBeUndefined()
})
