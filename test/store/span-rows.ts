import { type RowBlock, type Store, unixNanoText } from '#store'

export const START = 1_763_710_000_123_456_789n

type Attributes = Record<string, string>

/** A row of otel_traces in words. Times are `seconds.nanoseconds`, as `unixNanoText` makes them. */
export interface SpanRow {
  Timestamp: string
  TraceId: string
  SpanId: string
  ParentSpanId: string
  TraceState: string
  SpanName: string
  SpanKind: string
  ServiceName: string
  ResourceAttributes: Attributes
  ScopeName: string
  ScopeVersion: string
  SpanAttributes: Attributes
  /** Nanoseconds. */
  Duration: string
  StatusCode: string
  StatusMessage: string
  'Events.Timestamp': string[]
  'Events.Name': string[]
  'Events.Attributes': Attributes[]
  'Links.TraceId': string[]
  'Links.SpanId': string[]
  'Links.TraceState': string[]
  'Links.Attributes': Attributes[]
}

/** A span of an agent's tool call. */
export const spanRow = (spanId: string, more: Partial<SpanRow> = {}): SpanRow => ({
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

export const insertSpans = (store: Store, rows: readonly SpanRow[], token: string): Promise<void> =>
  store.insertRows(spanBlock(rows), token)

/** The same rows as the bytes that the pipeline would send, written here by ClickHouse's own description of them. */
export function spanBlock(rows: readonly SpanRow[]): RowBlock {
  const columns = Object.keys(spanRow('')) as (keyof SpanRow)[]
  const data = Buffer.concat(rows.flatMap((row) => columns.map((column) => bytesOf(column, row[column]))))
  return { table: 'otel_traces', columns, rows: rows.length, data }
}

function bytesOf(column: string, value: unknown): Buffer {
  if (Array.isArray(value))
    return Buffer.concat([varint(value.length), ...value.map((one) => bytesOf(column, one))])
  if (typeof value === 'object')
    return Buffer.concat([
      varint(Object.keys(value as object).length),
      ...Object.entries(value as object)
        .flat()
        .map(string),
    ])
  if (/Timestamp$/.test(column)) return int64(BigInt(String(value).replace('.', '')))
  return column === 'Duration' ? int64(BigInt.asIntN(64, BigInt(String(value)))) : string(value)
}

const string = (value: unknown): Buffer => {
  const bytes = Buffer.from(String(value))
  return Buffer.concat([varint(bytes.length), bytes])
}
const int64 = (value: bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64LE(value)
  return bytes
}
const varint = (value: number): Buffer =>
  value < 128
    ? Buffer.of(value)
    : Buffer.concat([Buffer.of((value % 128) | 128), varint(Math.floor(value / 128))])
