local columns = import '../columns.libsonnet';
local variables = import '../variables.libsonnet';

local binding = { between: variables.between, mine: variables.selects('agent', 'agent') };

{
  counts: {
    name: 'who-acted.counts',
    title: 'What became of held actions',
    description: 'Requests of this time, by what became of each of them. Ran unapproved: actions that ran although policy holds or denies them, by what the pipeline found when it compared spans with the ledger.',
    format: 'table',
    empty: 'Nothing was held in this time.',
    columns: [
      columns.number('approved', 'Approved', 'short', { colour: 'green' }),
      columns.number('denied', 'Denied', 'short', { colour: 'orange' }),
      columns.number('expired', 'Expired', 'short', { colour: 'purple' }),
      columns.number('cancelled', 'Cancelled', 'short', { colour: 'grey' }),
      columns.number('pending', 'Pending', 'short', { colour: 'sky' }),
      columns.number('unapproved', 'Ran unapproved', 'short', { colour: 'vermillion' }),
    ],
    rawSql: |||
      SELECT
        countIf(decision = 'approved') AS approved,
        countIf(decision = 'denied') AS denied,
        countIf(decision = 'expired') AS expired,
        countIf(decision = 'cancelled') AS cancelled,
        countIf(decision = 'pending') AS pending,
        countIf(verification IN ('missing', 'forged', 'unbound', 'replayed')) AS unapproved
      FROM holdpoint_held_between(%(between)s)
      WHERE %(mine)s
    ||| % binding,
  },

  overTime: {
    name: 'who-acted.overTime',
    title: 'Actions that policy does not simply allow',
    description: 'By what the pipeline found when it compared the span with the ledger. What policy allows without asking is left out: it would dwarf everything else.',
    format: 'table',
    empty: 'Nothing in this time but what policy allows without asking.',
    columns: [columns.time('time', 'Time')] + [
      columns.number(word[0], word[0], 'short', { colour: word[1] })
      for word in [
        ['verified', 'green'],
        ['refused', 'blue'],
        ['observed', 'yellow'],
        ['unverifiable', 'dark'],
        ['missing', 'orange'],
        ['forged', 'vermillion'],
        ['unbound', 'purple'],
        ['replayed', 'sky'],
      ]
    ],
    rawSql: |||
      SELECT
        $__timeInterval(at) AS time,
        countIf(verification = 'verified') AS verified,
        countIf(verification = 'refused') AS refused,
        countIf(verification = 'observed') AS observed,
        countIf(verification = 'unverifiable') AS unverifiable,
        countIf(verification = 'missing') AS missing,
        countIf(verification = 'forged') AS forged,
        countIf(verification = 'unbound') AS unbound,
        countIf(verification = 'replayed') AS replayed
      FROM holdpoint_held_between(%(between)s)
      WHERE verification != '' AND %(mine)s
      GROUP BY time
      ORDER BY time
    ||| % binding,
  },

  // The same text as the console's page.
  actions: {
    name: 'who-acted.actions',
    title: 'Who acted, who authorized',
    description: |||
      One row for each gated action, newest first: who acted, for whom, what policy said, who released it and how
      strongly that person was identified, how long it waited, what became of it, and what the pipeline found when it
      compared the span with the ledger. Everything but the last is from the ledger wherever there was a request.

      **Authorized by** has the names of those who approved, and of nobody else. Where nobody did, it says why: *denied
      by* whom; *nobody: expired* or *cancelled*; *nobody yet*; *policy alone*, where policy allows it; *nobody: only
      observed*; *nobody: policy denies it*. *nobody* by itself, in red, ran with no decision.

      **Verification** `unverifiable` is no alarm and no all-clear: the span does not carry what the ruling depends on,
      mostly a condition on arguments, and *Why* names the rulings that are possible. Read its trace. If it matters, hold
      the action by kind, name or target alone, or put a gateway in front of it: neither needs a span to be believed.
    |||,
    format: 'table',
    empty: 'No gated action in this time. Look further back, or at more agents.',
    columns: [
      columns.at,
      columns.agent,
      columns.user,
      columns.text('action', 'Action', { width: 220, links: [columns.links.action] }),
      columns.target,
      columns.word('ruling', 'Ruling'),
      columns.rule,
      columns.authorized_by,
      columns.decision,
      columns.text('assurance', 'Assurance', { width: 100 }),
      columns.text('channel', 'Channel', { width: 90 }),
      columns.number('wait_ms', 'Wait', 'ms', { width: 90 }),
      columns.word('outcome', 'Outcome'),
      columns.word('verification', 'Verification'),
      columns.text('detail', 'Why', { width: 240 }),
      columns.trace_id,
      columns.span_id,
      columns.request_id,
      columns.word('risk', 'Risk'),
      columns.text('environment', 'Environment', { width: 110 }),
      columns.text('enforcement', 'Enforcement point', { width: 150 }),
    ],
    rawSql: |||
      SELECT * EXCEPT (approvers, refused_by, tie) FROM (
      %s)
      ORDER BY at DESC, trace_id, span_id, tie
    ||| % variables.bind(importstr '../../src/store/queries/who-acted.sql', {
      'agents:Array(String)': variables.list('agent'),
      'environments:Array(String)': variables.list('environment'),
      'kinds:Array(String)': variables.list('kind'),
      'rulings:Array(String)': variables.list('ruling'),
      'decisions:Array(String)': variables.list('decision'),
      'verifications:Array(String)': variables.list('verification'),
      'user:String': variables.word('user'),
      'action:String': variables.word('action'),
      'target:String': variables.word('target'),
      'approver:String': variables.word('approver'),
      'text:String': variables.word('text'),
      'most:UInt32': '1000',
    }),
  },

  authorizers: {
    name: 'who-acted.authorizers',
    title: 'Who authorized, and how carefully',
    description: 'People who approved in this time. Within 3 s: approvals given within three seconds of the request, which is quicker than a card can be read; many of these mean that somebody approves without looking.',
    format: 'table',
    empty: 'Nobody approved anything in this time.',
    columns: [
      columns.text('person', 'Person', { width: 180 }),
      columns.number('approvals', 'Approvals', 'short', { width: 90 }),
      columns.number('instant', 'Within 3 s', 'short', { width: 90, colour: 'vermillion' }),
      columns.number('instant_share', 'Share', 'percentunit', { width: 80 }),
      columns.number('median_ms', 'Median time', 'ms', { width: 110 }),
      columns.number('denials', 'Denials', 'short', { width: 80 }),
      columns.number('risky', 'High or critical', 'short', { width: 110 }),
      columns.text('reviewer', 'Account', { width: 260 }),
    ],
    rawSql: |||
      SELECT
        any(reviewer_name) AS person,
        countIf(verdict = 'approve') AS approvals,
        countIf(verdict = 'approve' AND review_ms < 3000) AS instant,
        if(approvals = 0, 0, instant / approvals) AS instant_share,
        ifNotFinite(quantileExactIf(0.5)(toFloat64(review_ms), verdict = 'approve'), 0) AS median_ms,
        countIf(verdict = 'deny') AS denials,
        countIf(verdict = 'approve' AND risk IN ('high', 'critical')) AS risky,
        reviewer
      FROM holdpoint_reviews_between(%(between)s)
      WHERE %(mine)s
      GROUP BY reviewer
      ORDER BY instant DESC, approvals DESC
      LIMIT 100
    ||| % binding,
  },

  unusualHours: {
    name: 'who-acted.unusualHours',
    title: 'Released at night or at a weekend',
    description: 'Approved requests from 20:00 to 06:00, on Saturdays and on Sundays, in the time zone of this dashboard, the rarest first. Before: how often the same agent asked for the same action in the 30 days before; 0 is something new.',
    format: 'table',
    empty: 'Nothing was released outside of working hours.',
    columns: [
      columns.at,
      columns.agent,
      columns.text('action', 'Action', { width: 220, links: [columns.links.action] }),
      columns.target,
      columns.word('risk', 'Risk'),
      columns.text('approvers', 'Approver', { width: 180 }),
      columns.number('wait_ms', 'Wait', 'ms', { width: 90 }),
      columns.number('before', 'Before', 'short', { width: 80 }),
      columns.trace_id,
      columns.request_id,
    ],
    rawSql: |||
      WITH
        %(zone)s AS zone,
        asked AS (
          SELECT
            *,
            row_number() OVER (PARTITION BY agent_sub, kind, name ORDER BY requested_at, request_id) - 1 AS before
          FROM holdpoint_requests_between(from_ms = %(earlier)s, to_ms = ${__to})
        )
      SELECT
        requested_at AS at,
        agent,
        concat(kind, ' ', name) AS action,
        target,
        risk,
        arrayStringConcat(approvers, ', ') AS approvers,
        wait_ms,
        before,
        trace_id,
        request_id
      FROM asked
      WHERE state = 'approved' AND $__timeFilter_ms(requested_at) AND %(mine)s
        AND (toHour(requested_at, zone) >= 20 OR toHour(requested_at, zone) < 6
             OR toDayOfWeek(requested_at, 0, zone) >= 6)
      ORDER BY before, at DESC
      LIMIT 200
    ||| % (binding { zone: variables.zone, earlier: '${__from} - 2592000000' }),
  },
}
