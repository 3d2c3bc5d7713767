/** What Holdpoint's own processes measure, as far as a week has it: names, units and words as in docs/metrics.md. */
export interface Metric {
  name: string
  kind: 'gauge' | 'counter' | 'updown' | 'histogram'
  unit: string
  description: string
  service: 'holdpoint-broker' | 'holdpoint-desk' | 'holdpoint-pipeline'
  scope: string
  /** Of a histogram, in its unit. */
  bounds?: readonly number[]
}

const of =
  (service: Metric['service'], scope: string) =>
  (
    kind: Metric['kind'],
    name: string,
    unit: string,
    description: string,
    bounds?: readonly number[],
  ): Metric => ({
    name,
    kind,
    unit,
    description,
    service,
    scope,
    ...(bounds ? { bounds } : {}),
  })
const broker = of('holdpoint-broker', 'holdpoint.broker')
const pipeline = of('holdpoint-pipeline', 'holdpoint.pipeline')
const desk = of('holdpoint-desk', 'holdpoint.api')

const CALLS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const WAITS_S = [1, 3, 10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400]
const HTTP_S = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
const RTT =
  'Round trip to the NATS server, asked for when metrics are read; 2 where no answer has come in that time.'

export const METRICS = {
  calls: broker('histogram', 'holdpoint.broker.call.duration', 's', 'Time to answer a call.', CALLS_S),
  pending: broker('gauge', 'holdpoint.requests.pending', '{request}', 'Requests that wait for a decision.'),
  decisions: broker(
    'counter',
    'holdpoint.decisions',
    '{request}',
    'Requests decided, each once. Expired is not denied.',
  ),
  waits: broker('histogram', 'holdpoint.approval.wait', 's', 'From the request to its decision.', WAITS_S),
  reviews: broker(
    'counter',
    'holdpoint.reviews',
    '{review}',
    'Reviews written to the ledger, each once; also those that came after the decision.',
  ),
  refused: broker(
    'counter',
    'holdpoint.reviews.refused',
    '{review}',
    'Reviews of known people that came and were not taken. Console and command line tell most people before they send one.',
  ),
  escalations: broker(
    'counter',
    'holdpoint.escalations',
    '{escalation}',
    'Steps of escalations taken, each once.',
  ),
  freezes: broker(
    'gauge',
    'holdpoint.freezes.active',
    '{freeze}',
    'Freezes in force: one for each frozen agent, and one where all are.',
  ),
  ledgerSize: broker(
    'gauge',
    'holdpoint.ledger.size',
    '{entry}',
    'Entries of the ledger that this broker knows, of all its epochs since the oldest it has read.',
  ),
  checkpointAge: broker(
    'gauge',
    'holdpoint.ledger.checkpoint.age',
    's',
    'For how long the oldest entry that no signed checkpoint covers has waited for one; 0 while all are covered.',
  ),
  brokerRtt: broker('gauge', 'holdpoint.nats.rtt', 's', RTT),
  requests: desk(
    'histogram',
    'http.server.request.duration',
    's',
    'Duration of REST requests, to the first byte of the answer.',
    HTTP_S,
  ),
  streams: desk('updown', 'holdpoint.api.streams', '{stream}', 'Event streams that are open.'),
  deskRtt: desk('gauge', 'holdpoint.nats.rtt', 's', RTT),
  items: pipeline(
    'counter',
    'holdpoint.pipeline.items',
    '{item}',
    'Spans, log records and data points, by what became of them.',
  ),
  verdicts: pipeline('counter', 'holdpoint.pipeline.verdicts', '{span}', 'Actions judged.'),
  lag: pipeline(
    'gauge',
    'holdpoint.pipeline.lag',
    's',
    'How long ago the oldest telemetry in the buffer has arrived that is not stored yet; 0 while all is stored.',
  ),
  behind: pipeline(
    'gauge',
    'holdpoint.pipeline.ledger.behind',
    '{entry}',
    'Ledger entries that are committed and that this pipeline does not know to be in ClickHouse.',
  ),
  waiting: pipeline(
    'gauge',
    'holdpoint.pipeline.ledger.waiting',
    '{entry}',
    'Ledger entries that this pipeline has read and not stored yet.',
  ),
  bufferBytes: pipeline(
    'gauge',
    'holdpoint.pipeline.buffer.bytes',
    'By',
    'What stands in the buffer, the newest of what is stored already included.',
  ),
  pipelineRtt: pipeline('gauge', 'holdpoint.nats.rtt', 's', RTT),
} as const satisfies Record<string, Metric>
