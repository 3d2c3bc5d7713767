import type { Instrument } from '#runtime'

const SIGNAL = '`traces`, `logs` or `metrics`'

/** What the pipeline measures of itself. */
export const INSTRUMENTS = {
  requests: {
    name: 'holdpoint.pipeline.requests',
    kind: 'counter',
    unit: '{request}',
    description: 'OTLP requests answered.',
    attributes: { signal: SIGNAL, protocol: '`http` or `grpc`', code: 'the google.rpc.Code; 0 is OK' },
  },
  items: {
    name: 'holdpoint.pipeline.items',
    kind: 'counter',
    unit: '{item}',
    description: 'Spans, log records and data points, by what became of them.',
    attributes: { signal: SIGNAL, result: '`stored` or `rejected`' },
  },
  verdicts: {
    name: 'holdpoint.pipeline.verdicts',
    kind: 'counter',
    unit: '{span}',
    description: 'Actions judged.',
    attributes: { verification: 'the verdict: `verified`, `not_required`, `missing`, `forged` …' },
  },
  lag: {
    name: 'holdpoint.pipeline.lag',
    kind: 'gauge',
    unit: 's',
    description:
      'How long ago the oldest telemetry in the buffer has arrived that is not stored yet; 0 while all is stored.',
    attributes: {},
    across: 'max',
  },
  ledgerWaiting: {
    name: 'holdpoint.pipeline.ledger.waiting',
    kind: 'gauge',
    unit: '{entry}',
    description: 'Ledger entries that this pipeline has read and not stored yet.',
    attributes: {},
    across: 'max',
  },
  ledgerBehind: {
    name: 'holdpoint.pipeline.ledger.behind',
    kind: 'gauge',
    unit: '{entry}',
    description:
      'Ledger entries that are committed and that this pipeline does not know to be in ClickHouse.',
    attributes: {},
    across: 'max',
  },
  batches: {
    name: 'holdpoint.pipeline.buffer.batches',
    kind: 'counter',
    unit: '{batch}',
    description: 'Batches stored.',
    attributes: {},
  },
  bufferedItems: {
    name: 'holdpoint.pipeline.buffer.items',
    kind: 'counter',
    unit: '{item}',
    description: 'Spans, log records and data points stored, about.',
    attributes: {},
  },
  deadLetters: {
    name: 'holdpoint.pipeline.buffer.dead_letters',
    kind: 'counter',
    unit: '{letter}',
    description: 'Pieces put aside because they cannot be stored.',
    attributes: {},
  },
  takeovers: {
    name: 'holdpoint.pipeline.buffer.takeovers',
    kind: 'counter',
    unit: '{takeover}',
    description: 'Lanes taken over from a writer that had stopped.',
    attributes: {},
  },
  refused: {
    name: 'holdpoint.pipeline.buffer.refused',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests that were asked to come again: NATS away, or the buffer full.',
    attributes: {},
  },
  bytes: {
    name: 'holdpoint.pipeline.buffer.bytes',
    kind: 'gauge',
    unit: 'By',
    description: 'What stands in the buffer, the newest of what is stored already included.',
    attributes: {},
    across: 'max',
  },
  messages: {
    name: 'holdpoint.pipeline.buffer.messages',
    kind: 'gauge',
    unit: '{message}',
    description: 'Messages in the buffer, the newest of what is stored already included.',
    attributes: {},
    across: 'max',
  },
  oldest: {
    name: 'holdpoint.pipeline.buffer.oldest',
    kind: 'gauge',
    unit: 'ms',
    description:
      'How long ago the oldest of what this pipeline is storing has arrived; 0 while it has nothing to store.',
    attributes: {},
    across: 'max',
  },
  forwarded: {
    name: 'holdpoint.pipeline.forward.requests',
    kind: 'counter',
    unit: '{request}',
    description: 'Requests to the Collector behind.',
    attributes: { signal: SIGNAL, result: '`accepted`, `unavailable` or `refused`' },
  },
  forwardRejected: {
    name: 'holdpoint.pipeline.forward.rejected',
    kind: 'counter',
    unit: '{item}',
    description: 'Spans, log records and data points that the Collector behind said it has not taken.',
    attributes: { signal: SIGNAL },
  },
} as const satisfies Record<string, Instrument>
