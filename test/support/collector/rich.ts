// One request of each signal in OTLP/JSON, in which every field that a Collector hands on is set.

const TRACE = '5b8efff798038103d269b633813fc60c'
const SPAN = 'eee19b7ec3c1b174'
const AT = '1763719200123456789'
const LATER = '1763719201123456789'
const SCHEMA = 'https://opentelemetry.io/schemas/1.30.0'

const attributes = [
  { key: 'text', value: { stringValue: 'ünï\u0000code' } },
  { key: 'empty', value: { stringValue: '' } },
  { key: 'yes', value: { boolValue: true } },
  { key: 'large', value: { intValue: '9223372036854775807' } },
  { key: 'small', value: { intValue: '-9223372036854775808' } },
  { key: 'real', value: { doubleValue: 0.1 } },
  { key: 'bytes', value: { bytesValue: 'AAEC/w==' } },
  { key: 'nothing', value: {} },
  {
    key: 'list',
    value: { arrayValue: { values: [{ intValue: '1' }, { stringValue: 'two' }, { arrayValue: {} }] } },
  },
  { key: 'map', value: { kvlistValue: { values: [{ key: 'in', value: { stringValue: 'side' } }] } } },
]
const resource = {
  attributes: [{ key: 'service.name', value: { stringValue: 'rich' } }, ...attributes],
  droppedAttributesCount: 1,
}
const scope = { name: 'scope', version: '1.2.3', attributes, droppedAttributesCount: 2 }

export const TRACES = {
  resourceSpans: [
    {
      resource,
      schemaUrl: SCHEMA,
      scopeSpans: [
        {
          scope,
          schemaUrl: SCHEMA,
          spans: [
            {
              traceId: TRACE,
              spanId: SPAN,
              parentSpanId: 'eee19b7ec3c1b173',
              traceState: 'vendor=1,other=2',
              flags: 769,
              name: 'GET /',
              kind: 3,
              startTimeUnixNano: AT,
              endTimeUnixNano: LATER,
              attributes,
              droppedAttributesCount: 3,
              events: [{ timeUnixNano: AT, name: 'event', attributes, droppedAttributesCount: 4 }],
              droppedEventsCount: 5,
              links: [
                {
                  traceId: TRACE,
                  spanId: 'eee19b7ec3c1b175',
                  traceState: 'a=b',
                  flags: 256,
                  attributes,
                  droppedAttributesCount: 6,
                },
              ],
              droppedLinksCount: 7,
              status: { code: 2, message: 'failed' },
            },
            {
              traceId: TRACE,
              spanId: 'eee19b7ec3c1b176',
              name: '',
              startTimeUnixNano: AT,
              endTimeUnixNano: AT,
            },
          ],
        },
      ],
    },
    {
      resource: {},
      scopeSpans: [{ scope: {}, spans: [{ traceId: TRACE, spanId: 'eee19b7ec3c1b177', name: 'bare' }] }],
    },
  ],
}

export const LOGS = {
  resourceLogs: [
    {
      resource,
      schemaUrl: SCHEMA,
      scopeLogs: [
        {
          scope,
          schemaUrl: SCHEMA,
          logRecords: [
            {
              timeUnixNano: AT,
              observedTimeUnixNano: LATER,
              severityNumber: 17,
              severityText: 'Error',
              body: {
                kvlistValue: {
                  values: [{ key: 'k', value: { arrayValue: { values: [{ boolValue: false }] } } }],
                },
              },
              attributes,
              droppedAttributesCount: 3,
              flags: 1,
              traceId: TRACE,
              spanId: SPAN,
              eventName: 'device.started',
            },
            { observedTimeUnixNano: LATER, body: { stringValue: 'bare' } },
          ],
        },
      ],
    },
  ],
}

const exemplars = [
  { timeUnixNano: AT, asDouble: 1.5, traceId: TRACE, spanId: SPAN, filteredAttributes: attributes },
]
const point = { attributes, startTimeUnixNano: AT, timeUnixNano: LATER, flags: 1 }
const metric = (name: string, data: object) => ({
  name,
  description: 'about it',
  unit: 'By',
  metadata: attributes,
  ...data,
})

export const METRICS = {
  resourceMetrics: [
    {
      resource,
      schemaUrl: SCHEMA,
      scopeMetrics: [
        {
          scope,
          schemaUrl: SCHEMA,
          metrics: [
            metric('gauge', { gauge: { dataPoints: [{ ...point, asInt: '-7', exemplars }] } }),
            metric('sum', {
              sum: {
                aggregationTemporality: 2,
                isMonotonic: true,
                dataPoints: [{ ...point, asDouble: 2.5, exemplars }],
              },
            }),
            metric('histogram', {
              histogram: {
                aggregationTemporality: 1,
                dataPoints: [
                  {
                    ...point,
                    count: '3',
                    sum: 6.5,
                    min: 1,
                    max: 4,
                    bucketCounts: ['1', '2', '0'],
                    explicitBounds: [1, 5],
                    exemplars,
                  },
                ],
              },
            }),
            metric('exponential', {
              exponentialHistogram: {
                aggregationTemporality: 1,
                dataPoints: [
                  {
                    ...point,
                    count: '4',
                    sum: 6.5,
                    scale: -2,
                    zeroCount: '1',
                    zeroThreshold: 0.001,
                    min: -1,
                    max: 4,
                    positive: { offset: -1, bucketCounts: ['1', '1'] },
                    negative: { offset: 3, bucketCounts: ['1'] },
                    exemplars,
                  },
                ],
              },
            }),
            metric('summary', {
              summary: {
                dataPoints: [
                  {
                    ...point,
                    count: '5',
                    sum: 7.5,
                    quantileValues: [
                      { quantile: 0.5, value: 1.5 },
                      { quantile: 1, value: 2 },
                    ],
                  },
                ],
              },
            }),
          ],
        },
      ],
    },
  ],
}
