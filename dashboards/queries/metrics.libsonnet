// SQL over what Holdpoint's processes measure of themselves, as the OpenTelemetry tables have it: points of many
// series, one for each process and each set of attributes.
{
  // Counters grow for as long as a process lives. What they grew by, for each step of the chart and each of `by`
  // (name: SQL). A series without a point in the day before begins at 0: its first point is what it counted first.
  increase(metric, by={}, where='1'):: $.increases([metric], by, where),
  increases(metrics, by={}, where='1'):: |||
    points AS (
      SELECT
        %(by)s$__timeInterval(TimeUnix) AS step,
        cityHash64(MetricName, ServiceName, ResourceAttributes, Attributes, StartTimeUnix) AS series,
        any(AggregationTemporality) = 1 AS is_delta,
        if(is_delta, sum(Value), max(Value)) AS reached
      FROM otel_metrics_sum
      WHERE MetricName IN (%(metrics)s) AND %(where)s
        AND TimeUnix >= $__fromTime - INTERVAL 1 DAY AND TimeUnix <= $__toTime
      GROUP BY ALL
    ),
    increases AS (
      SELECT
        * EXCEPT (series, is_delta, reached),
        if(is_delta, reached, reached - lagInFrame(reached, 1, 0) OVER (PARTITION BY series ORDER BY step)) AS increase
      FROM points
    )
  ||| % {
    metrics: std.join(', ', ["'%s'" % metric for metric in metrics]),
    where: where,
    by: std.join('', ['%s AS %s, ' % [by[name], name] for name in std.objectFields(by)]),
  },

  // The highest that each process said within a step, and of several processes what `across` makes of it.
  level(metric, across='max', as='level', by={}):: |||
    SELECT time, %(names)s%(across)s(highest) AS %(as)s
    FROM (
      SELECT
        %(by)s$__timeInterval(TimeUnix) AS time,
        max(Value) AS highest
      FROM otel_metrics_gauge
      WHERE MetricName = '%(metric)s' AND $__timeFilter(TimeUnix)
      GROUP BY %(names)stime, cityHash64(ServiceName, ResourceAttributes, Attributes)
    )
    GROUP BY %(names)stime
    ORDER BY time
  ||| % {
    metric: metric,
    across: across,
    as: as,
    names: std.join('', [name + ', ' for name in std.objectFields(by)]),
    by: std.join('', ['%s AS %s, ' % [by[name], name] for name in std.objectFields(by)]),
  },

  // Histograms grow as counters do. How many observations came into each bucket, for each step and each of `by`.
  buckets(metric, by={}, where='1'):: |||
    points AS (
      SELECT
        %(by)s$__timeInterval(TimeUnix) AS step,
        cityHash64(MetricName, ServiceName, ResourceAttributes, Attributes, StartTimeUnix) AS series,
        any(AggregationTemporality) = 1 AS is_delta,
        any(ExplicitBounds) AS bounds,
        if(is_delta, sumForEach(BucketCounts), maxForEach(BucketCounts)) AS reached
      FROM otel_metrics_histogram
      WHERE MetricName = '%(metric)s' AND %(where)s
        AND TimeUnix >= $__fromTime - INTERVAL 1 DAY AND TimeUnix <= $__toTime
      GROUP BY ALL
    ),
    steps AS (
      SELECT
        *,
        lagInFrame(reached, 1, arrayWithConstant(length(reached), toUInt64(0)))
          OVER (PARTITION BY series ORDER BY step) AS before
      FROM points
    ),
    increases AS (
      SELECT
        * EXCEPT (series, is_delta, reached, before),
        if(is_delta, reached, arrayMap((now, then) -> toUInt64(greatest(0, toInt64(now) - toInt64(then))), reached, before)) AS increase
      FROM steps
    )
  ||| % {
    metric: metric,
    where: where,
    by: std.join('', ['%s AS %s, ' % [by[name], name] for name in std.objectFields(by)]),
  },

  // The bound of the bucket in which a quantile lies: what it is at most. Beyond the last bound, that bound.
  quantile(level, counts='counts', bounds='bounds')::
    'if(arraySum(%(counts)s) = 0, NULL, %(bounds)s[least(length(%(bounds)s), arrayFirstIndex(reached -> reached >= %(level)g * arraySum(%(counts)s), arrayCumSum(%(counts)s)))])'
    % { level: level, counts: counts, bounds: bounds },
}
