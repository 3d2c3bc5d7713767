local columns = import '../columns.libsonnet';
local variables = import '../variables.libsonnet';

local binding = {
  between: variables.between,
  mine: variables.selects('agent', 'agent'),
  wanted: "verification IN ('missing', 'forged', 'unbound', 'replayed', 'observed') AND "
          + variables.selects('violation', 'verification'),
};

// Of the texts that the console has, too.
local filters = {
  'verifications:Array(String)': variables.list('violation'),
  'agents:Array(String)': variables.list('agent'),
};

// How many of each, in the order in which they are worth a look.
local counts = [
  columns.number('forged', 'Forged', 'short', { colour: 'vermillion' }),
  columns.number('missing', 'Missing', 'short', { colour: 'orange' }),
  columns.number('replayed', 'Replayed', 'short', { colour: 'sky' }),
  columns.number('unbound', 'Unbound', 'short', { colour: 'purple' }),
  columns.number('observed', 'Observed', 'short', { colour: 'yellow' }),
];

local counted = |||
  countIf(verification = 'forged') AS forged,
    countIf(verification = 'missing') AS missing,
    countIf(verification = 'replayed') AS replayed,
    countIf(verification = 'unbound') AS unbound,
    countIf(verification = 'observed') AS observed
|||;

{
  counts: {
    name: 'violations.counts',
    title: 'What went round the gate',
    description: 'Actions by what the pipeline found when it compared their spans with the ledger and with the policy of their time. Forged: the span claims what the ledger contradicts. Missing: it ran with no decision. Replayed: a second span for one approval. Unbound: the approval was for something else. Observed: it ran where policy is only watched.',
    format: 'table',
    empty: 'No violation in this time: whatever policy holds was decided before it ran.',
    columns: counts,
    // The same text as the console's page.
    rawSql: variables.bind(importstr '../../src/store/queries/violations-by-kind.sql', filters),
  },

  overTime: {
    name: 'violations.overTime',
    title: 'Violations over time',
    description: 'The same, by when each action began. A line across the chart is a change of policy or a freeze.',
    format: 'table',
    empty: 'No violation in this time.',
    columns: [columns.time('time', 'Time')] + counts,
    rawSql: |||
      SELECT
        $__timeInterval(at) AS time,
        %(counted)sFROM holdpoint_held_between(%(between)s)
      WHERE %(wanted)s AND %(mine)s
      GROUP BY time
      ORDER BY time
    ||| % (binding { counted: counted }),
  },

  byAgent: {
    name: 'violations.byAgent',
    title: 'Violations by agent',
    description: 'Agents by the name that their spans give, those with the most violations first. Of more than twenty, those that the ledger knows have a bar, and the others share one.',
    format: 'table',
    empty: 'No agent has a violation in this time.',
    columns: [columns.text('agent', 'Agent', { links: [columns.links.agent] })] + counts,
    rawSql: |||
      SELECT
        multiIf(place >= 20, 'others', a.agent = '', 'unnamed', a.agent) AS agent,
        sum(a.forged) AS forged,
        sum(a.missing) AS missing,
        sum(a.replayed) AS replayed,
        sum(a.unbound) AS unbound,
        sum(a.observed) AS observed
      FROM (
        SELECT
          *,
          row_number() OVER (
            ORDER BY %(known)s DESC, forged + missing + replayed + unbound DESC, observed DESC, agent) AS place
        FROM (
          SELECT
            agent,
            %(counted)s
          FROM holdpoint_held_between(%(between)s)
          WHERE %(wanted)s AND %(mine)s
          GROUP BY agent
        )
      ) AS a
      GROUP BY 1
      ORDER BY max(place >= 20), sum(a.forged + a.missing + a.replayed + a.unbound) DESC, sum(a.observed) DESC
    ||| % (binding { counted: std.rstripChars(counted, '\n'), known: variables.known('agent') }),
  },

  // The same text as the console's page.
  list: {
    name: 'violations.list',
    title: 'Each violation, with its trace',
    description: 'Newest first: what the pipeline found, of whose action, and why in words. A click on the trace shows it all. Of more than a thousand, what was only observed is left out first, then what one agent has more than a hundred of, then agents that the ledger does not know.',
    format: 'table',
    empty: 'No violation in this time: whatever policy holds was decided before it ran.',
    columns: [
      columns.at,
      columns.word('verification', 'Verification'),
      columns.agent,
      columns.text('kind', 'Kind', { width: 80 }),
      columns.text('name', 'Action', { width: 200, links: [columns.links.action] }),
      columns.target,
      columns.word('ruling', 'Ruling'),
      columns.rule,
      columns.word('outcome', 'Outcome'),
      columns.text('detail', 'Why', { width: 300 }),
      columns.text('service_name', 'Service', { width: 140 }),
      columns.trace_id,
      columns.span_id,
      columns.request_id,
    ],
    rawSql: |||
      SELECT * EXCEPT (tie, turn) FROM (
        SELECT *, row_number() OVER (PARTITION BY agent, verification = 'observed' ORDER BY at DESC, tie) AS turn
        FROM (
      %s)
        ORDER BY verification = 'observed', turn > 100, %s DESC, turn, at DESC, tie
        LIMIT 1000
      )
      ORDER BY at DESC, trace_id, span_id
    ||| % [
      variables.bind(importstr '../../src/store/queries/violations.sql', filters { 'most:UInt32': '4294967295' }),
      variables.known('agent'),
    ],
  },
}
