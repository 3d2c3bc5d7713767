import { type SpanRow, unixNanoText } from '#store'

export const START = 1_763_710_000_123_456_789n

/** A span of an agent's tool call, as a row. */
export const spanRow = (spanId: string, more: Partial<SpanRow> = {}): SpanRow & Record<string, unknown> => ({
  Timestamp: unixNanoText(START),
  TraceId: 'a'.repeat(32),
  SpanId: spanId,
  ParentSpanId: '',
  TraceState: '',
  SpanName: 'execute_tool export_customers',
  SpanKind: 'Internal',
  ServiceName: 'agent',
  ResourceAttributes: { 'service.name': 'agent' },
  ScopeName: 'holdpoint',
  ScopeVersion: '1',
  SpanAttributes: {
    'gen_ai.agent.name': 'helper',
    'gen_ai.conversation.id': 'conv-1',
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': 'export_customers',
    'holdpoint.approval.id': '1-abc',
  },
  Duration: '1500000',
  StatusCode: 'Ok',
  StatusMessage: '',
  'Events.Timestamp': [unixNanoText(START + 1n)],
  'Events.Name': ['waiting'],
  'Events.Attributes': [{ k: 'v' }],
  'Links.TraceId': [],
  'Links.SpanId': [],
  'Links.TraceState': [],
  'Links.Attributes': [],
  ...more,
})
