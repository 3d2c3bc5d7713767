// What alerts ask, each a table of texts and one number. An alert rule has no variables; its range is `windowSeconds`
// long, and ends now. Whatever may change later is asked as of that end, so that a late answer is the same answer.
local rule = import 'rule.libsonnet';
local settings = import 'settings.libsonnet';

local told = rule.told;
local said = rule.said;

local found(which) = |||
  SELECT
    %(agent)s AS agent,
    %(action)s AS action,
    %(environment)s AS environment,
    toFloat64(uniqExact(f.span_hash, f.content_digest)) AS spans,
    min(f.judged_at) AS first
  FROM holdpoint_activity AS f
  WHERE f.quiet = 0 AND (%(which)s)
  GROUP BY agent, action, environment
||| % {
  which: which,
  agent: said('f.agent'),
  action: said("concat(f.kind, ' ', f.name)"),
  environment: said('f.environment'),
};

// An alarm that the pipeline raised, by the time of its verdict: spans come late, and may be judged again even later.
// It is asked for among everything that was found, where nothing takes its place: in `holdpoint_actions`, a second
// span with the same ids and another agent's name would show instead.
local alarms(verification) = {
  rawSql: rule.fair(found("f.verification = '%s' AND $__timeFilter_ms(f.judged_at)" % verification)),
};

{
  missing: alarms('missing') {
    description: 'Actions that ran although policy holds or denies them, and nobody had decided.',
  },
  forged: alarms('forged') {
    description: 'Spans that claim an approval which the ledger contradicts.',
  },
  unbound: alarms('unbound') {
    description: 'Spans that claim an approval which was given for another trace, agent or action.',
  },

  // Found by the pipeline; or two different spans under the ids of one approved action, of which each by itself
  // agrees with the ledger.
  replayed: alarms('replayed') {
    description: 'Spans that used an approval which another span had used.',
    rawSql:
      // What a span stands for: itself, or the action that it is an effect of.
      local place = "cityHash64(trace_id, if(effect_of = '', span_id, ''), effect_of)";
      local doubled = |||
        doubled AS (
          SELECT %s AS place
          FROM holdpoint_activity
          WHERE quiet = 0 AND trace_id IN (
            SELECT trace_id FROM holdpoint_activity
            WHERE quiet = 0 AND verification = 'verified' AND $__timeFilter_ms(judged_at))
          GROUP BY place
          HAVING uniqExactIf((span_id, content_digest), content_digest != '') > 1
            AND countIf(verification = 'verified') > 0
        ),
      ||| % place;
      rule.fair(
        found("f.verification = 'replayed' AND $__timeFilter_ms(f.judged_at) OR %s IN (doubled)" % place),
        with=doubled,
      ),
  },

  waiting: {
    description: 'For how long the oldest has waited, of each rule with one that has waited for %(minutes)d minutes, or %(requests)d that have used up %(percent)d %% of their time.'
                 % settings.waiting { percent: 100 * super.shareOfTime },
    rawSql: |||
      SELECT rule, environment, max(waited_ms) / 1000 AS seconds
      FROM (
        SELECT
          rule,
          environment,
          dateDiff('millisecond', requested_at, $__toTime_ms) AS waited_ms,
          dateDiff('millisecond', requested_at, assumeNotNull(expires_at)) AS given_ms
        FROM holdpoint_requests
        WHERE requested_at <= $__toTime_ms AND (decision = '' OR decided_at > $__toTime_ms)
      )
      WHERE waited_ms > least(%(minutes)d * 60000, %(shareOfTime)g * given_ms)
      GROUP BY rule, environment
      HAVING count() >= %(requests)d OR max(waited_ms) > %(minutes)d * 60000
      ORDER BY seconds DESC, rule, environment
      %(atMost)s
    ||| % settings.waiting { atMost: rule.atMost },
  },

  selfApproval: {
    description: 'Reviews refused with SELF_APPROVAL: of the agent, its owner, whom it acts for or who prompted it. No row where no broker reports.',
    // A counter's first point counts in full: it begins with the attempt that it counts. From point to point, for
    // anybody may send points in the broker's name: a higher one hides no later step.
    rawSql: |||
      SELECT toFloat64(sum(if(is_delta, Value, greatest(0, Value - before)))) AS attempts
      FROM (
        SELECT
          TimeUnix,
          Value,
          AggregationTemporality = 1 AS is_delta,
          lagInFrame(Value, 1, 0) OVER (
            PARTITION BY ServiceName, cityHash64(ResourceAttributes), StartTimeUnix ORDER BY TimeUnix) AS before
        FROM otel_metrics_sum
        WHERE MetricName = 'holdpoint.reviews.refused' AND Attributes['code'] = 'SELF_APPROVAL'
          AND TimeUnix > $__fromTime - INTERVAL 1 DAY AND TimeUnix <= $__toTime
      )
      WHERE TimeUnix > $__fromTime
      HAVING (
        SELECT count() FROM otel_metrics_gauge
        WHERE MetricName = 'holdpoint.requests.pending' AND $__timeFilter(TimeUnix)) > 0
    |||,
  },

  instant: {
    description: 'Approvals by one person, each given within %d s of the request.' % (settings.instant.reviewMs / 1000),
    rawSql: |||
      SELECT %(reviewer)s AS reviewer, toFloat64(count()) AS approvals
      FROM holdpoint_reviews
      WHERE verdict = 'approve' AND review_ms < %(reviewMs)d AND $__timeFilter_ms(at)
      GROUP BY reviewer
      ORDER BY approvals DESC, reviewer
      %(atMost)s
    ||| % { reviewer: told("concat(reviewer_name, ' ', reviewer)"), reviewMs: settings.instant.reviewMs, atMost: rule.atMost },
  },

  expiry: {
    description: 'The part of the requests decided that expired, for each rule with at least %d of them.' % settings.expiry.decisionsAtLeast,
    rawSql: |||
      SELECT rule, countIf(decision = 'expired') / count() AS share
      FROM holdpoint_requests
      WHERE decision != '' AND $__timeFilter_ms(decided_at)
      GROUP BY rule
      HAVING count() >= %(decisionsAtLeast)d
      ORDER BY share DESC, rule
      %(atMost)s
    ||| % { decisionsAtLeast: settings.expiry.decisionsAtLeast, atMost: rule.atMost },
  },

  freeze: {
    description: 'Freezes that somebody began, by agent.',
    rawSql: |||
      SELECT
        if(l.agent_sub = '', 'every agent', %(agent)s) AS agent,
        %(by)s AS by,
        toFloat64(uniqExact(l.origin, l.ledger_index)) AS freezes
      FROM holdpoint_ledger AS l
      WHERE l.type = 'freeze' AND l.frozen = 1 AND $__timeFilter_ms(l.at)
      GROUP BY agent, by
      ORDER BY min(l.at), agent, by
      %(atMost)s
    ||| % {
      agent: told("if(l.agent_name = '', l.agent_sub, l.agent_name)"),
      by: told("if(l.reviewer_name = '', l.reviewer_sub, l.reviewer_name)"),
      atMost: rule.atMost,
    },
  },

  nightExport: {
    description: 'Approved actions that take data out of the house, used between %(fromHour)d and %(toHour)d o’clock, %(timeZone)s.' % settings.night,
    rawSql: |||
      SELECT
        %(agent)s AS agent,
        %(action)s AS action,
        %(approvers)s AS approvers,
        toFloat64(uniqExact(r.request_id)) AS exports
      FROM holdpoint_requests AS r
      WHERE r.spend = 'consumed' AND $__timeFilter_ms(r.spent_at)
        AND match(r.name, '%(names)s')
        AND (toHour(r.spent_at, '%(timeZone)s') >= %(fromHour)d OR toHour(r.spent_at, '%(timeZone)s') < %(toHour)d)
      GROUP BY agent, action, approvers
      ORDER BY min(r.spent_at), agent, action, approvers
      %(atMost)s
    ||| % settings.night {
      agent: told('r.agent'),
      action: said("concat(r.kind, ' ', r.name)"),
      approvers: told("arrayStringConcat(r.approvers, ' and ')"),
      atMost: rule.atMost,
    },
  },

  // The least that each process has said: a level that it has not come back from. One that has stopped reporting is
  // not asked; where none reports, there is no row. Of every five minutes the highest counts, for anybody may send
  // points in its name: a lie makes it only worse.
  local level(metric, minutes) = |||
    SELECT max(least_) AS %(as)s
    FROM (
      SELECT min(highest) AS least_
      FROM (
        SELECT
          cityHash64(ServiceName, ResourceAttributes, Attributes) AS series,
          intDiv(dateDiff('second', TimeUnix, $__toTime), 300) AS step,
          max(Value) AS highest,
          max(TimeUnix) AS latest
        FROM otel_metrics_gauge
        WHERE MetricName = '%(metric)s'
          AND TimeUnix > $__toTime - INTERVAL %(minutes)d MINUTE AND TimeUnix <= $__toTime
        GROUP BY series, step
      )
      GROUP BY series
      HAVING max(latest) > $__toTime - INTERVAL %(reporting)d MINUTE
    )
    HAVING count() > 0
  ||| % { metric: metric, minutes: minutes, reporting: settings.reportingMinutes, as: 'least_level' },

  ledgerBehind: {
    description: 'Committed ledger entries that were missing in ClickHouse at every moment of the last %d minutes. No row where no pipeline reports.' % settings.ledger.minutes,
    rawSql: level('holdpoint.pipeline.ledger.behind', settings.ledger.minutes),
  },

  lag: {
    description: 'For how long the oldest telemetry had been waiting to be stored, at every moment of the last %d minutes. No row where no pipeline reports.' % settings.lag.minutes,
    rawSql: level('holdpoint.pipeline.lag', settings.lag.minutes),
  },
}
