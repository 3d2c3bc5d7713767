import { toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toProtobuf } from '../../src/pipeline/otlp/json.ts'
import { stripOurs } from '../../src/pipeline/otlp/strip.ts'
import { codeOf } from './decoded.ts'
import { REQUESTS } from './opentelemetry-proto.ts'
import { anyMessage, runs } from './otlp-arbitrary.ts'
import { itemsIn } from './otlp-items.ts'

const pair = (key: string) => ({ key, value: { stringValue: `of ${key}` } })
const attributes = (...keys: string[]) => keys.map(pair)
const logs = (record: object, resource: object[] = [], scope: object[] = []) =>
  toProtobuf(
    'logs',
    Buffer.from(
      JSON.stringify({
        resourceLogs: [
          {
            resource: { attributes: resource },
            scopeLogs: [{ scope: { attributes: scope }, logRecords: [record] }],
          },
        ],
      }),
    ),
  )
const metrics = (metric: object) =>
  toProtobuf(
    'metrics',
    Buffer.from(JSON.stringify({ resourceMetrics: [{ scopeMetrics: [{ metrics: [metric] }] }] })),
  )
const said = (signal: 'logs' | 'metrics', body: Uint8Array): string => itemsIn(signal, body).join()

describe('logs and metrics without verdicts', () => {
  it.each([
    'holdpoint.verification',
    'holdpoint.verification.detail',
    'holdpoint.approval.id',
    'holdpoint.approval.approver.name',
  ])('strip - %s is taken out wherever attributes stand', (key) => {
    const three = attributes('before', key, 'after')
    const ofLog = stripOurs('logs', logs({ attributes: three, body: { stringValue: 'x' } }, three, three))
    expect(said('logs', ofLog)).not.toContain(key)
    expect(said('logs', ofLog).match(/of before/g)).toHaveLength(3)
    const point = { attributes: three, exemplars: [{ filteredAttributes: three, asInt: 1 }], asInt: 1 }
    const ofMetric = stripOurs('metrics', metrics({ metadata: three, sum: { dataPoints: [point] } }))
    expect(said('metrics', ofMetric)).not.toContain(key)
    expect(said('metrics', ofMetric).match(/of after/g)).toHaveLength(3)
  })

  it.each([
    'holdpoint.verifications',
    'holdpoint.verification_',
    'Holdpoint.verification',
    'holdpoint.approvals',
    'holdpoint.approval',
    'holdpoint.ruling',
    'x.holdpoint.verification',
  ])('strip - %s is anybody’s to write', (key) => {
    const body = logs({ attributes: attributes(key), body: { stringValue: 'x' } })
    expect(said('logs', stripOurs('logs', body))).toBe(said('logs', body))
  })

  it('strip - what a value says is its own business', () => {
    const map = { kvlistValue: { values: [{ key: 'holdpoint.approval.id', value: { intValue: '1' } }] } }
    const body = logs({ body: map, attributes: [{ key: 'map', value: map }] })
    expect(said('logs', stripOurs('logs', body))).toBe(said('logs', body))
  })

  it('strip - a body with nothing of ours is the same body', () => {
    const body = logs({ attributes: attributes('a', 'b') })
    expect(stripOurs('logs', body)).toBe(body)
  })

  it.each(['logs', 'metrics'] as const)('strip - of any %s, all is left but what is ours', (signal) => {
    const withoutOurs = (item: string) =>
      JSON.stringify(
        JSON.parse(item, (key, value) =>
          ['attributes', 'filteredAttributes', 'metadata'].includes(key)
            ? value.filter(
                (one: { key?: string }) => !/^holdpoint\.(approval|verification)/.test(one.key ?? ''),
              )
            : value,
        ),
        (_key, value) => (Array.isArray(value) && value.length === 0 ? undefined : value),
      )
    fc.assert(
      fc.property(anyMessage(REQUESTS[signal]), (sent) => {
        const body = toBinary(REQUESTS[signal], sent)
        expect(itemsIn(signal, stripOurs(signal, body)).map(withoutOurs)).toEqual(
          itemsIn(signal, body).map(withoutOurs),
        )
        expect(itemsIn(signal, stripOurs(signal, body)).map((item) => JSON.parse(item))).toEqual(
          itemsIn(signal, body).map((item) => JSON.parse(withoutOurs(item))),
        )
      }),
      runs(80),
    )
  })

  it('strip - what is malformed is refused', () => {
    expect(codeOf(() => stripOurs('logs', Buffer.from([0x0a, 5, 1])))).toBe('INVALID_INPUT')
  })
})
