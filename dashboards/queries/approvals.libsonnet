local columns = import '../columns.libsonnet';
local metrics = import 'metrics.libsonnet';
local variables = import '../variables.libsonnet';

local filter = variables.selects('rule', 'rule') + '\n  AND ' + variables.selects('environment', 'environment');

// Requests that were made in this time. What waits is asked as of its end, so that last week looks as it did.
local REQUESTS = 'holdpoint_requests_between(%s)' % variables.between;
// A request may have waited since before this time; none waits for longer than a month.
local WAITING = |||
  (
    SELECT * FROM holdpoint_requests_between(from_ms = ${__from} - 2592000000, to_ms = ${__to})
    WHERE decision = '' OR decided_at > $__toTime_ms
  )
|||;

local decisions = [
  columns.number('approved', 'Approved', 'short', { colour: 'green' }),
  columns.number('denied', 'Denied', 'short', { colour: 'orange' }),
  columns.number('expired', 'Expired', 'short', { colour: 'purple' }),
  columns.number('cancelled', 'Cancelled', 'short', { colour: 'grey' }),
];
local COUNTS = std.join(',\n  ', [
  "countIf(decision = '%(word)s') AS %(word)s" % { word: word }
  for word in ['approved', 'denied', 'expired', 'cancelled']
]);
local WAITS = |||
  quantileIfOrNull(0.5)(assumeNotNull(wait_ms), decision IN ('approved', 'denied')) AS median_ms,
    quantileIfOrNull(0.95)(assumeNotNull(wait_ms), decision IN ('approved', 'denied')) AS p95_ms
|||;

local given = {
  requests: REQUESTS,
  waiting: std.rstripChars(WAITING, '\n'),
  counts: COUNTS,
  waits: std.rstripChars(WAITS, '\n'),
  filter: filter,
};

{
  // For the variable at the top.
  rules: |||
    SELECT DISTINCT rule FROM holdpoint_ledger WHERE type = 'requested' AND $__timeFilter_ms(at) ORDER BY rule LIMIT 1000
  |||,

  now: {
    name: 'approvals.now',
    title: 'Waiting at the end of this time',
    description: 'Requests without a decision, how many of them have used up more than half of their time, and since when the oldest waits.',
    format: 'table',
    empty: 'Nothing waits',
    columns: [
      columns.number('waiting', 'Waiting', 'short', { colour: 'sky' }),
      columns.number('late', 'Past half of their time', 'short', { colour: 'vermillion' }),
      columns.number('oldest_ms', 'Oldest', 'ms', { colour: 'sky' }),
    ],
    rawSql: |||
      SELECT
        count() AS waiting,
        countIf(dateDiff('millisecond', requested_at, $__toTime_ms) * 2 > dateDiff('millisecond', requested_at, expires_at)) AS late,
        max(dateDiff('millisecond', requested_at, $__toTime_ms)) AS oldest_ms
      FROM %(waiting)s
      WHERE %(filter)s
    ||| % given,
  },

  summary: {
    name: 'approvals.summary',
    title: 'Requests made in this time',
    description: 'What became of them. Expired is not denied: nobody answered. The wait is from the request to the decision of a person.',
    format: 'table',
    empty: 'No request was made in this time',
    columns: [columns.number('requests', 'Requests', 'short', { colour: 'sky' })] + decisions + [
      columns.number('median_ms', 'Median wait', 'ms', { colour: 'sky' }),
      columns.number('p95_ms', '95 % waited less than', 'ms', { colour: 'sky' }),
    ],
    rawSql: |||
      SELECT
        count() AS requests,
        %(counts)s,
        %(waits)s
      FROM %(requests)s
      WHERE %(filter)s
    ||| % given,
  },

  waiting: {
    name: 'approvals.waiting',
    title: 'Waiting now',
    description: 'Requests without a decision at the end of this time, oldest first. At 100 % a request expires, and nothing runs.',
    format: 'table',
    empty: 'Nothing waits for a decision.',
    columns: [
      columns.time('requested_at', 'Since', { width: 190 }),
      columns.number('waited_ms', 'Waited', 'ms', { width: 110 }),
      columns.number('used', 'Time used', 'percentunit', { width: 100 }),
      columns.agent,
      columns.user,
      columns.text('action', 'Action'),
      columns.target,
      columns.rule,
      columns.word('risk', 'Risk'),
      columns.text('environment', 'Environment', { width: 110 }),
      columns.number('threshold', 'Approvals needed', 'short', { width: 100 }),
      columns.request_id,
      columns.trace_id,
    ],
    rawSql: |||
      SELECT
        requested_at,
        dateDiff('millisecond', requested_at, $__toTime_ms) AS waited_ms,
        waited_ms / greatest(1, dateDiff('millisecond', requested_at, assumeNotNull(expires_at))) AS used,
        agent,
        user,
        concat(kind, ' ', name) AS action,
        target,
        rule,
        risk,
        environment,
        threshold,
        request_id,
        trace_id
      FROM %(waiting)s
      WHERE %(filter)s
      ORDER BY requested_at, request_id
      LIMIT 500
    ||| % given,
  },

  decisions: {
    name: 'approvals.decisions',
    title: 'Decisions',
    description: 'Requests made in this time, by when they were decided and how.',
    format: 'table',
    empty: 'Nothing was decided in this time.',
    columns: [columns.time('time', 'Time')] + decisions,
    rawSql: |||
      SELECT
        assumeNotNull($__timeInterval(decided_at)) AS time,
        %(counts)s
      FROM %(requests)s
      WHERE decision != '' AND decided_at <= $__toTime_ms AND %(filter)s
      GROUP BY time
      ORDER BY time
    ||| % given,
  },

  latency: {
    name: 'approvals.latency',
    title: 'How long people take',
    description: 'From a request to its approval or denial, by when it was made: half of them, nine of ten and 99 of 100 took no longer.',
    format: 'table',
    empty: 'Nobody decided anything in this time.',
    columns: [
      columns.time('time', 'Time'),
      columns.number('p50', 'Half', 'ms', { colour: 'sky' }),
      columns.number('p90', '9 of 10', 'ms', { colour: 'blue' }),
      columns.number('p99', '99 of 100', 'ms', { colour: 'orange' }),
    ],
    rawSql: |||
      SELECT
        $__timeInterval(requested_at) AS time,
        quantile(0.5)(assumeNotNull(wait_ms)) AS p50,
        quantile(0.9)(assumeNotNull(wait_ms)) AS p90,
        quantile(0.99)(assumeNotNull(wait_ms)) AS p99
      FROM %(requests)s
      WHERE decision IN ('approved', 'denied') AND %(filter)s
      GROUP BY time
      ORDER BY time
    ||| % given,
  },

  byRule: {
    name: 'approvals.byRule',
    title: 'Decisions by rule',
    description: 'What each rule of the policy holds, what becomes of it, and how long people take. A rule that nearly always ends in approval asks for nothing; one that expires asks the wrong people.',
    format: 'table',
    empty: 'No rule held anything in this time.',
    columns: [
      columns.rule,
      columns.number('requests', 'Requests', 'short', { width: 100 }),
    ] + decisions + [
      columns.number('expired_share', 'Expire', 'percentunit'),
      columns.number('median_ms', 'Median wait', 'ms'),
      columns.number('p95_ms', '95 % waited less than', 'ms'),
    ],
    rawSql: |||
      SELECT
        rule,
        count() AS requests,
        %(counts)s,
        expired / greatest(1, countIf(decision != '')) AS expired_share,
        %(waits)s
      FROM %(requests)s
      WHERE %(filter)s
      GROUP BY rule
      ORDER BY requests DESC, rule
      LIMIT 200
    ||| % given,
  },

  expiries: {
    name: 'approvals.expiries',
    title: 'Expired',
    description: 'Requests that nobody answered in their time, newest first. Nothing ran; somebody was waiting for it.',
    format: 'table',
    empty: 'Nothing expired in this time.',
    columns: [
      columns.time('decided_at', 'Expired', { width: 190 }),
      columns.agent,
      columns.user,
      columns.text('action', 'Action'),
      columns.target,
      columns.rule,
      columns.number('wait_ms', 'Waited', 'ms', { width: 110 }),
      columns.request_id,
      columns.trace_id,
    ],
    rawSql: |||
      SELECT
        assumeNotNull(decided_at) AS decided_at,
        agent,
        user,
        concat(kind, ' ', name) AS action,
        target,
        rule,
        wait_ms,
        request_id,
        trace_id
      FROM %(requests)s
      WHERE decision = 'expired' AND %(filter)s
      ORDER BY decided_at DESC, request_id
      LIMIT 200
    ||| % given,
  },

  escalations: {
    name: 'approvals.escalations',
    title: 'Escalations',
    description: 'More people were asked, because those who were asked first had not answered in the time that the rule gives them.',
    format: 'table',
    empty: 'Nothing was escalated in this time, or no broker reports its metrics.',
    columns: [
      columns.time('time', 'Time'),
      columns.number('escalations', 'Escalations', 'short', { colour: 'orange' }),
    ],
    rawSql: |||
      WITH
      %(escalations)s
      SELECT step AS time, sum(increase) AS escalations
      FROM increases
      WHERE step >= $__fromTime AND %(mine)s
      GROUP BY time
      ORDER BY time
    ||| % {
      escalations: metrics.increase('holdpoint.escalations', { rule: "Attributes['rule']" }),
      mine: variables.selects('rule', 'rule'),
    },
  },

  freezes: {
    name: 'approvals.freezes',
    title: 'Freezes',
    description: 'Who stopped which agent, and who let it go on, newest first.',
    format: 'table',
    empty: 'Nothing was frozen in this time.',
    columns: [
      columns.at,
      columns.agent,
      columns.text('what', 'What'),
      columns.text('by', 'By'),
      columns.word('assurance', 'Assurance'),
      columns.text('channel', 'Channel'),
      columns.text('origin', 'Epoch', { width: 80 }),
      columns.number('ledger_index', 'Ledger entry', 'none', { width: 110 }),
    ],
    rawSql: |||
      SELECT
        at,
        if(agent_sub = '', 'every agent', if(agent_name = '', agent_sub, agent_name)) AS agent,
        if(frozen = 1, 'frozen', 'thawed') AS what,
        if(reviewer_name = '', reviewer_sub, reviewer_name) AS by,
        assurance,
        channel,
        origin,
        ledger_index
      FROM holdpoint_ledger FINAL
      WHERE type = 'freeze' AND $__timeFilter_ms(at)
      ORDER BY at DESC, ledger_index DESC
      LIMIT 200
    |||,
  },
}
