// Charts and tables out of metrics: what differs from one to the next is their words, their metric and their lines.
local columns = import '../columns.libsonnet';
local metrics = import 'metrics.libsonnet';

local UNREPORTED = 'No process reports this: OTEL_EXPORTER_OTLP_ENDPOINT of Holdpoint’s processes says where to.';

local chart(name, title, description, numbers, rawSql) = {
  name: 'itself.' + name,
  title: title,
  description: description,
  format: 'table',
  empty: UNREPORTED,
  columns: [columns.time('time', 'Time')] + numbers,
  rawSql: rawSql,
};

// One line of a chart, and which of what is counted belongs to it.
local line(name, title, unit, colour, condition='1') = {
  column: columns.number(name, title, unit, { colour: colour }),
  condition: condition,
};
local columnsOf(lines) = [one.column for one in lines];
local sums(lines, what, per='') =
  std.join(',\n  ', ['sumIf(%s, %s)%s AS %s' % [what, one.condition, per, one.column.name] for one in lines]);
local PER_SECOND = ' / $__interval_s';

local counted(what, sums) = |||
  WITH
  %s
  SELECT
    step AS time,
    %s
  FROM increases
  WHERE step >= $__fromTime
  GROUP BY time
  ORDER BY time
||| % [what, sums];

// What counters grew by, a line for each part of it. `by` names what the lines' conditions speak of.
local growth(name, title, description, metric, by, lines, per='') =
  chart(name, title, description, columnsOf(lines), counted(metrics.increase(metric, by), sums(lines, 'increase', per)));

// How often something was observed, of a histogram.
local observations(name, title, description, metric, by, lines, where='1') =
  chart(
    name, title, description, columnsOf(lines),
    counted(metrics.buckets(metric, by, where), sums(lines, 'arraySum(increase)', PER_SECOND))
  );

local level(name, title, description, metric, as, unit, colour='sky', across='max') =
  chart(
    name, title, description, [columns.number(as, title, unit, { colour: colour })],
    metrics.level(metric, across, as)
  );

local QUANTILES = [
  { name: 'p50', title: 'Half', level: 0.5, colour: 'sky' },
  { name: 'p95', title: '95 %', level: 0.95, colour: 'blue' },
  { name: 'p99', title: '99 %', level: 0.99, colour: 'orange' },
];
local quantiles =
  std.join(',\n  ', ['%s AS %s' % [metrics.quantile(one.level), one.name] for one in QUANTILES]);

local durations(name, title, description, metric, where='1') =
  chart(
    name, title, description, [columns.number(one.name, one.title, 's', { colour: one.colour }) for one in QUANTILES],
    |||
      WITH
      %(buckets)s
      SELECT
        time,
        %(quantiles)s
      FROM (
        SELECT step AS time, sumForEach(increase) AS counts, any(bounds) AS bounds
        FROM increases
        WHERE step >= $__fromTime
        GROUP BY time
      )
      WHERE arraySum(counts) > 0
      ORDER BY time
    ||| % { buckets: metrics.buckets(metric, where=where), quantiles: quantiles }
  );

// The same without time: a row for each kind.
local durationsBy(name, title, description, metric, kind, kindTitle, failed, failedTitle, where='1') = {
  name: 'itself.' + name,
  title: title,
  description: description,
  format: 'table',
  empty: UNREPORTED,
  columns: [
    columns.text('kind', kindTitle),
    columns.number('calls', 'Calls', 'short'),
    columns.number('failed', failedTitle, 'short', { colour: 'orange' }),
  ] + [columns.number(one.name, one.title + ' took at most', 's') for one in QUANTILES],
  rawSql: |||
    WITH
    %(buckets)s
    SELECT kind, arraySum(counts) AS calls, failed, %(quantiles)s
    FROM (
      SELECT
        kind,
        sumForEach(increase) AS counts,
        sumIf(arraySum(increase), %(failed)s) AS failed,
        any(bounds) AS bounds
      FROM increases
      WHERE step >= $__fromTime
      GROUP BY kind
    )
    WHERE calls > 0
    ORDER BY failed DESC, calls DESC, kind
    LIMIT 100
  ||| % {
    buckets: metrics.buckets(metric, { kind: kind, code: failed.attribute }, where),
    failed: failed.condition,
    quantiles: std.strReplace(quantiles, '\n', ''),
  },
};

{
  UNREPORTED:: UNREPORTED,
  PER_SECOND:: PER_SECOND,
  chart:: chart,
  line:: line,
  columnsOf:: columnsOf,
  sums:: sums,
  growth:: growth,
  observations:: observations,
  level:: level,
  durations:: durations,
  durationsBy:: durationsBy,
}
