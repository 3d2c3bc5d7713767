// Whether Holdpoint works: what its processes measure, and what of the ledger has come to ClickHouse. The metrics are
// those of docs/metrics.md; they come as any other telemetry does, so while the pipeline stands still, so do they.
local columns = import '../columns.libsonnet';
local metrics = import 'metrics.libsonnet';

local UNREPORTED = 'No process reports this: OTEL_EXPORTER_OTLP_ENDPOINT of Holdpoint’s processes says where to.';

// How much a counter grew, a line for each value of an attribute.
local growth(name, title, description, metric, attribute, as, unit, where='1', perSecond=false) = {
  name: 'itself.' + name,
  title: title,
  description: description,
  format: 'timeseries',
  empty: UNREPORTED,
  columns: [
    columns.time('time', 'Time'),
    columns.text('kind', 'Kind'),
    columns.number(as, title, unit),
  ],
  rawSql: |||
    WITH
    %(increase)s
    SELECT toDateTime(step) AS time, kind, sum(increase)%(per)s AS %(as)s
    FROM increases
    WHERE step >= $__fromTime
    GROUP BY time, kind
    ORDER BY time, kind
  ||| % {
    increase: metrics.increase(metric, { kind: attribute }, where),
    per: if perSecond then ' / $__interval_s' else '',
    as: as,
  },
};

local level(name, title, description, metric, as, unit, colour='sky', across='max') = {
  name: 'itself.' + name,
  title: title,
  description: description,
  format: 'timeseries',
  empty: UNREPORTED,
  columns: [columns.time('time', 'Time'), columns.number(as, title, unit, { colour: colour })],
  rawSql: metrics.level(metric, across, as),
};

// A line for each value of an attribute: how long nearly all of them took at most.
local durations(name, title, description, metric, attribute, quantile, where='1') = {
  name: 'itself.' + name,
  title: title,
  description: description,
  format: 'timeseries',
  empty: UNREPORTED,
  columns: [
    columns.time('time', 'Time'),
    columns.text('kind', 'Kind'),
    columns.number('seconds', title, 's'),
  ],
  rawSql: |||
    WITH
    %(buckets)s
    SELECT time, kind, %(quantile)s AS seconds
    FROM (
      SELECT toDateTime(step) AS time, kind, sumForEach(increase) AS counts, any(bounds) AS bounds
      FROM increases
      WHERE step >= $__fromTime
      GROUP BY time, kind
    )
    WHERE seconds IS NOT NULL
    ORDER BY time, kind
  ||| % {
    buckets: metrics.buckets(metric, { kind: attribute }, where),
    quantile: metrics.quantile(quantile),
  },
};

{
  // The pipeline

  lag: level(
    'lag',
    'Age of the oldest telemetry that waits',
    'How long ago the oldest telemetry that is not stored yet arrived; 0 while all is. Over a minute, ClickHouse or the Collector behind takes less than comes.',
    'holdpoint.pipeline.lag',
    'lag',
    's',
    'vermillion',
  ),
  items: growth(
    'items',
    'Telemetry received',
    'Spans, log records and data points a second, by signal and by what became of them. What is rejected is lost; whoever sent it has been told why.',
    'holdpoint.pipeline.items',
    "concat(Attributes['signal'], ' ', Attributes['result'])",
    'items',
    'cps',
    perSecond=true,
  ),
  verdicts: growth(
    'verdicts',
    'Verdicts',
    'Actions that the pipeline judged, by what it found.',
    'holdpoint.pipeline.verdicts',
    "Attributes['verification']",
    'spans',
    'short',
  ),
  buffer: level(
    'buffer',
    'Buffer',
    'What stands in NATS, the newest of what is stored already included. At pipeline.bufferBytes senders are told to come again.',
    'holdpoint.pipeline.buffer.bytes',
    'bytes',
    'bytes',
  ),
  answers: growth(
    'answers',
    'OTLP requests that were not accepted',
    'By signal, protocol and google.rpc.Code: 3 is malformed, 8 too much at once, 14 come again later, 16 not allowed to send.',
    'holdpoint.pipeline.requests',
    "concat(Attributes['signal'], ' ', Attributes['protocol'], ' ', Attributes['code'])",
    'requests',
    'short',
    "Attributes['code'] != '0'",
  ),
  trouble: {
    name: 'itself.trouble',
    title: 'Put aside, refused, taken over',
    description: 'Dead letters: telemetry that cannot be stored; `holdpoint pipeline dlq list` says why. Refused: senders were told to come again. Takeovers: a writer had stopped.',
    format: 'table',
    empty: UNREPORTED,
    columns: [
      columns.number('dead', 'Dead letters', 'short', { colour: 'vermillion' }),
      columns.number('refused', 'Refused for now', 'short', { colour: 'orange' }),
      columns.number('takeovers', 'Takeovers', 'short', { colour: 'sky' }),
    ],
    rawSql: |||
      WITH
      %s
      SELECT
        sumIf(increase, kind = 'holdpoint.pipeline.buffer.dead_letters') AS dead,
        sumIf(increase, kind = 'holdpoint.pipeline.buffer.refused') AS refused,
        sumIf(increase, kind = 'holdpoint.pipeline.buffer.takeovers') AS takeovers
      FROM increases
      WHERE step >= $__fromTime
      HAVING count() > 0
    ||| % metrics.increases(
      ['holdpoint.pipeline.buffer.' + one for one in ['dead_letters', 'refused', 'takeovers']],
      { kind: 'MetricName' }
    ),
  },

  // The broker

  calls: growth(
    'calls',
    'Calls',
    'What agents and reviewers asked of the broker, a second, by call.',
    'holdpoint.broker.call.duration',
    "Attributes['call']",
    'calls',
    'reqps',
    perSecond=true,
  ) {
    rawSql: |||
      WITH
      %s
      SELECT toDateTime(step) AS time, kind, sum(arraySum(increase)) / $__interval_s AS calls
      FROM increases
      WHERE step >= $__fromTime
      GROUP BY time, kind
      ORDER BY time, kind
    ||| % metrics.buckets('holdpoint.broker.call.duration', { kind: "Attributes['call']" }),
  },
  callDuration: durations(
    'callDuration',
    'Time to answer, 95 % of calls',
    'The bound that 95 of 100 answers stayed below, by call.',
    'holdpoint.broker.call.duration',
    "Attributes['call']",
    0.95,
  ),
  refusals: growth(
    'refusals',
    'Refusals',
    'Calls that the broker refused, by call and code. LEDGER_UNAVAILABLE and POLICY_UNAVAILABLE mean that nothing can be decided.',
    'holdpoint.broker.call.duration',
    "concat(Attributes['call'], ' ', Attributes['code'])",
    'calls',
    'short',
  ) {
    rawSql: |||
      WITH
      %s
      SELECT toDateTime(step) AS time, kind, sum(arraySum(increase)) AS calls
      FROM increases
      WHERE step >= $__fromTime
      GROUP BY time, kind
      HAVING calls > 0
      ORDER BY time, kind
    ||| % metrics.buckets(
      'holdpoint.broker.call.duration',
      { kind: "concat(Attributes['call'], ' ', Attributes['code'])" },
      "Attributes['code'] != 'OK'"
    ),
  },
  pending: level(
    'pending',
    'Requests that wait',
    'Requests without a decision, as the broker counts them.',
    'holdpoint.requests.pending',
    'requests',
    'short',
  ),
  freezes: level(
    'freezes',
    'Freezes in force',
    'One for each frozen agent, and one where all are. Another person than the one who froze ends it.',
    'holdpoint.freezes.active',
    'freezes',
    'short',
    'vermillion',
  ),

  // NATS

  rtt: {
    name: 'itself.rtt',
    title: 'Way to NATS and back',
    description: 'Round trip of each process with a connection to NATS. Every decision takes several, and waits for the disk besides.',
    format: 'timeseries',
    empty: UNREPORTED,
    columns: [
      columns.time('time', 'Time'),
      columns.text('kind', 'Process'),
      columns.number('seconds', 'Way to NATS and back', 's'),
    ],
    rawSql: metrics.level('holdpoint.nats.rtt', as='seconds', by={ kind: 'ServiceName' }),
  },
  messages: level(
    'messages',
    'Messages in the buffer',
    'Of telemetry in NATS, the newest of what is stored already included.',
    'holdpoint.pipeline.buffer.messages',
    'messages',
    'short',
  ),

  // The ledger

  behind: level(
    'behind',
    'Ledger entries not yet in ClickHouse',
    'Committed entries that the pipeline does not know to be stored. While there are any, dashboards do not show the newest requests and decisions.',
    'holdpoint.pipeline.ledger.behind',
    'entries',
    'short',
    'vermillion',
  ),
  checkpointAge: level(
    'checkpointAge',
    'Entries without a signed checkpoint',
    'For how long the oldest entry that no signed checkpoint covers has waited for one; 0 while all are covered.',
    'holdpoint.ledger.checkpoint.age',
    'age',
    's',
    'orange',
  ),
  size: level(
    'size',
    'Entries of the ledger',
    'Of all its epochs, as far as the broker knows them.',
    'holdpoint.ledger.size',
    'entries',
    'short',
  ),
  epochs: {
    name: 'itself.epochs',
    title: 'The ledger in ClickHouse',
    description: 'Each epoch: how many entries are here, how many are missing between the first and the last, and how many places have two that contradict each other. Of the last two there have to be none.',
    format: 'table',
    empty: 'No entry of a ledger is in ClickHouse yet.',
    columns: [
      columns.text('origin', 'Epoch', { width: 80 }),
      columns.number('entries', 'Entries', 'none'),
      columns.number('last_index', 'Last entry', 'none'),
      columns.number('missing', 'Missing', 'short'),
      columns.number('contradicted', 'Contradicted', 'short'),
      columns.time('first_at', 'From', { width: 190 }),
      columns.time('last_at', 'To', { width: 190 }),
    ],
    rawSql: |||
      SELECT
        origin,
        uniqExact(ledger_index) AS entries,
        max(ledger_index) AS last_index,
        last_index + 1 - entries AS missing,
        uniqExact(ledger_index, leaf_hash) - entries AS contradicted,
        min(at) AS first_at,
        max(at) AS last_at
      FROM holdpoint_ledger
      GROUP BY origin
      ORDER BY toUInt64OrZero(origin) DESC
      LIMIT 50
    |||,
  },

  // REST and console

  requests: growth(
    'requests',
    'REST requests',
    'A second, by status.',
    'http.server.request.duration',
    "Attributes['http.response.status_code']",
    'requests',
    'reqps',
  ) {
    rawSql: |||
      WITH
      %s
      SELECT toDateTime(step) AS time, kind, sum(arraySum(increase)) / $__interval_s AS requests
      FROM increases
      WHERE step >= $__fromTime
      GROUP BY time, kind
      ORDER BY time, kind
    ||| % metrics.buckets(
      'http.server.request.duration',
      { kind: "Attributes['http.response.status_code']" },
      "ServiceName LIKE 'holdpoint-%'"
    ),
  },
  requestDuration: durations(
    'requestDuration',
    'Time to answer, 95 % of REST requests',
    'The bound that 95 of 100 answers stayed below, by route.',
    'http.server.request.duration',
    "Attributes['http.route']",
    0.95,
    "ServiceName LIKE 'holdpoint-%'",
  ),
}
