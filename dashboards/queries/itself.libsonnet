// Whether Holdpoint works: what its processes measure, and what of the ledger has come to ClickHouse. The metrics are
// those of docs/metrics.md; they come as any other telemetry does, so while the pipeline stands still, so do they.
local columns = import '../columns.libsonnet';
local palette = import '../palette.libsonnet';
local charts = import 'charts.libsonnet';
local metrics = import 'metrics.libsonnet';

local ours = "ServiceName LIKE 'holdpoint%'";

// A verdict's own colour, by name.
local colourOf(word) = [
  name
  for name in std.objectFields(palette.colours)
  if palette.colours[name] == palette.words.verification[word]
][0];

local TROUBLES = [
  charts.line('later', 'Come again', 'short', 'sky', "metric = 'requests' AND code IN ('8', '14')"),
  charts.line('malformed', 'Malformed or too large', 'short', 'orange', "metric = 'requests' AND code IN ('3', '4', '12')"),
  charts.line('not_allowed', 'Not allowed', 'short', 'purple', "metric = 'requests' AND code IN ('7', '16')"),
  charts.line('rejected', 'Items rejected', 'short', 'orange', "metric = 'items' AND result = 'rejected'"),
  charts.line('dead', 'Dead letters', 'short', 'vermillion', "metric = 'buffer.dead_letters'"),
  charts.line('takeovers', 'Takeovers', 'short', 'grey', "metric = 'buffer.takeovers'"),
];

{
  // The pipeline

  lag: charts.level(
    'lag',
    'Age of the oldest telemetry that waits',
    'How long ago the oldest telemetry that is not stored yet arrived; 0 while all is. Over a minute, ClickHouse or the Collector behind takes less than comes.',
    'holdpoint.pipeline.lag',
    'lag',
    's',
    'vermillion',
  ),
  items: charts.growth(
    'items',
    'Telemetry received',
    'Spans, log records and data points a second. What is rejected is lost; whoever sent it has been told why.',
    'holdpoint.pipeline.items',
    { signal: "Attributes['signal']", result: "Attributes['result']" },
    [
      charts.line('spans', 'Spans', 'cps', 'blue', "signal = 'traces' AND result = 'stored'"),
      charts.line('logs', 'Log records', 'cps', 'sky', "signal = 'logs' AND result = 'stored'"),
      charts.line('points', 'Data points', 'cps', 'grey', "signal = 'metrics' AND result = 'stored'"),
      charts.line('rejected', 'Rejected', 'cps', 'vermillion', "result = 'rejected'"),
    ],
    charts.PER_SECOND,
  ),
  verdicts: charts.growth(
    'verdicts',
    'Verdicts',
    'Actions that the pipeline judged, by what it found.',
    'holdpoint.pipeline.verdicts',
    { verdict: "Attributes['verification']" },
    [
      charts.line(word, word, 'short', colourOf(word), "verdict = '%s'" % word)
      for word in std.objectFields(palette.words.verification)
    ],
  ),
  trouble: {
    name: 'itself.trouble',
    title: 'What senders were refused, and what was put aside',
    description: 'Of OTLP requests and what is in them. Come again: too much at once, or NATS away; senders keep it. The other refusals are lost, and senders were told why. Dead letters cannot be stored: `holdpoint pipeline dlq list`. Takeovers: a writer had stopped.',
    format: 'table',
    empty: charts.UNREPORTED,
    columns: charts.columnsOf(TROUBLES),
    rawSql: |||
      WITH
      %s
      SELECT
        %s
      FROM increases
      WHERE step >= $__fromTime
    ||| % [
      metrics.increases(
        ['holdpoint.pipeline.' + one for one in ['requests', 'items', 'buffer.dead_letters', 'buffer.takeovers']],
        { metric: "substring(MetricName, 20)", code: "Attributes['code']", result: "Attributes['result']" }
      ),
      charts.sums(TROUBLES, 'increase'),
    ],
  },

  // The ledger

  behind: charts.level(
    'behind',
    'Ledger entries not yet in ClickHouse',
    'Committed entries that the pipeline does not know to be stored. While there are any, dashboards do not show the newest requests and decisions.',
    'holdpoint.pipeline.ledger.behind',
    'entries',
    'short',
    'vermillion',
  ),
  checkpointAge: charts.level(
    'checkpointAge',
    'Entries without a signed checkpoint',
    'For how long the oldest entry that no signed checkpoint covers has waited for one; 0 while all are covered.',
    'holdpoint.ledger.checkpoint.age',
    'age',
    's',
    'orange',
  ),
  size: charts.level(
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
    description: 'Each epoch: how many entries are here, how many are missing before the last of them, and how many places have two that contradict each other. Of the last two there have to be none.',
    format: 'table',
    empty: 'No entry of a ledger is in ClickHouse yet.',
    columns: [
      columns.text('origin', 'Epoch', { width: 80 }),
      columns.number('entries', 'Entries', 'none'),
      columns.number('last_index', 'Last entry', 'none'),
      columns.number('missing', 'Missing', 'short', { colour: 'orange' }),
      columns.number('contradicted', 'Contradicted', 'short', { colour: 'vermillion' }),
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

  // The broker

  pending: charts.level(
    'pending',
    'Requests that wait',
    'Requests without a decision, as the broker counts them.',
    'holdpoint.requests.pending',
    'requests',
    'short',
  ),
  freezes: charts.level(
    'freezes',
    'Freezes in force',
    'One for each frozen agent, and one where all are. Another person than the one who froze ends it.',
    'holdpoint.freezes.active',
    'freezes',
    'short',
    'vermillion',
  ),
  calls: charts.observations(
    'calls',
    'Calls',
    'What agents and reviewers asked of the broker, a second.',
    'holdpoint.broker.call.duration',
    { code: "Attributes['code']" },
    [
      charts.line('answered', 'Answered', 'reqps', 'sky', "code = 'OK'"),
      charts.line('refused', 'Refused', 'reqps', 'orange', "code NOT IN ('OK', 'INTERNAL', 'LEDGER_UNAVAILABLE', 'POLICY_UNAVAILABLE')"),
      charts.line('impossible', 'Nothing could be decided', 'reqps', 'vermillion', "code IN ('INTERNAL', 'LEDGER_UNAVAILABLE', 'POLICY_UNAVAILABLE')"),
    ],
  ),
  callDuration: charts.durations(
    'callDuration',
    'Time to answer a call',
    'The bounds that half, 95 and 99 of 100 answers of the broker stayed below.',
    'holdpoint.broker.call.duration',
  ),
  callsBy: charts.durationsBy(
    'callsBy',
    'Calls, one by one',
    'What the broker was asked, how often it refused, and how long it took.',
    'holdpoint.broker.call.duration',
    "Attributes['call']",
    'Call',
    { attribute: "Attributes['code']", condition: "code != 'OK'" },
    'Refused',
  ),

  // NATS

  rtt: charts.chart(
    'rtt',
    'Way to NATS and back',
    'Round trip of the slowest process of each kind. Every decision takes several, and waits for the disk besides.',
    [
      columns.number('broker', 'Broker', 's', { colour: 'blue' }),
      columns.number('desk', 'Desk', 's', { colour: 'sky' }),
      columns.number('pipeline', 'Pipeline', 's', { colour: 'orange' }),
      columns.number('other', 'Other', 's', { colour: 'grey' }),
    ],
    |||
      SELECT
        $__timeInterval(TimeUnix) AS time,
        maxIfOrNull(Value, ServiceName = 'holdpoint-broker') AS broker,
        maxIfOrNull(Value, ServiceName = 'holdpoint-desk') AS desk,
        maxIfOrNull(Value, ServiceName = 'holdpoint-pipeline') AS pipeline,
        maxIfOrNull(Value, ServiceName NOT IN ('holdpoint-broker', 'holdpoint-desk', 'holdpoint-pipeline')) AS other
      FROM otel_metrics_gauge
      WHERE MetricName = 'holdpoint.nats.rtt' AND $__timeFilter(TimeUnix)
      GROUP BY time
      ORDER BY time
    |||
  ),
  buffer: charts.level(
    'buffer',
    'Telemetry in NATS',
    'What stands there, the newest of what is stored already included. At pipeline.bufferBytes senders are told to come again.',
    'holdpoint.pipeline.buffer.bytes',
    'bytes',
    'bytes',
  ),

  // REST and console

  requests: charts.observations(
    'requests',
    'REST requests',
    'A second, by how they were answered.',
    'http.server.request.duration',
    { code: "Attributes['http.response.status_code']" },
    [
      charts.line('answered', 'Answered', 'reqps', 'sky', "code < '4'"),
      charts.line('refused', 'Refused (4xx)', 'reqps', 'orange', "startsWith(code, '4')"),
      charts.line('failed', 'Failed (5xx)', 'reqps', 'vermillion', "startsWith(code, '5')"),
    ],
    ours,
  ),
  requestDuration: charts.durations(
    'requestDuration',
    'Time to answer a REST request',
    'The bounds that half, 95 and 99 of 100 answers stayed below.',
    'http.server.request.duration',
    ours,
  ),
  requestsBy: charts.durationsBy(
    'requestsBy',
    'REST requests, one by one',
    'Each route: how often it was asked for, how often it failed, and how long it took.',
    'http.server.request.duration',
    "Attributes['http.route']",
    'Route',
    { attribute: "Attributes['http.response.status_code']", condition: "startsWith(code, '5')" },
    'Failed (5xx)',
    ours,
  ),
}
