local columns = import '../columns.libsonnet';
local variables = import '../variables.libsonnet';

local binding = {
  between: variables.between,
  mine: variables.selects('agent', 'agent'),
  // Two rows may be of one span, for it may be sent and judged again; an effect of an approved action is none itself.
  known: variables.known('agent'),
  actions: "uniqExactIf(span_hash, effect_of = '')",
};

{
  activity: {
    name: 'agents.activity',
    title: 'What agents did, by ruling',
    description: 'Actions by what policy said of them: allowed without asking, held for somebody, or denied. Each span counts once, however often it was sent.',
    format: 'table',
    empty: 'No action of these agents in this time.',
    columns: [
      columns.time('time', 'Time'),
      columns.number('allowed', 'Allowed', 'short', { colour: 'grey' }),
      columns.number('held', 'Held', 'short', { colour: 'sky' }),
      columns.number('denied', 'Denied', 'short', { colour: 'orange' }),
    ],
    rawSql: |||
      SELECT
        $__timeInterval(at) AS time,
        uniqExactIf(span_hash, effect_of = '' AND ruling = 'allow') AS allowed,
        uniqExactIf(span_hash, effect_of = '' AND ruling = 'hold') AS held,
        uniqExactIf(span_hash, effect_of = '' AND ruling = 'deny') AS denied
      FROM holdpoint_activity
      WHERE $__timeFilter_ms(at) AND %(mine)s
      GROUP BY time
      ORDER BY time
    ||| % binding,
  },

  list: {
    name: 'agents.list',
    title: 'Agents',
    description: 'Each agent by the name that its spans give, with what it did in this time; those that the ledger knows first. Unapproved: missing, forged, unbound and replayed.',
    format: 'table',
    empty: 'No agent did anything in this time.',
    columns: [
      columns.text('agent', 'Agent', { width: 200, links: [columns.links.agent, columns.links.actionsOfAgent] }),
      columns.text('environments', 'Environments', { width: 140 }),
      columns.number('actions', 'Actions', 'short', { width: 100 }),
      columns.number('held', 'Held', 'short', { width: 90 }),
      columns.number('denied', 'Denied', 'short', { width: 90 }),
      columns.number('unapproved', 'Unapproved', 'short', { width: 110, colour: 'vermillion' }),
      columns.number('tools', 'Tools', 'short', { width: 80 }),
      columns.time('last', 'Last seen', { width: 190 }),
    ],
    rawSql: |||
      SELECT
        agent,
        arrayStringConcat(arraySort(groupUniqArray(10)(environment)), ', ') AS environments,
        %(actions)s AS actions,
        uniqExactIf(span_hash, effect_of = '' AND ruling = 'hold') AS held,
        uniqExactIf(span_hash, effect_of = '' AND ruling = 'deny') AS denied,
        uniqExactIf(span_hash, verification IN ('missing', 'forged', 'unbound', 'replayed')) AS unapproved,
        uniqExact(kind, name) AS tools,
        max(at) AS last
      FROM holdpoint_activity
      WHERE $__timeFilter_ms(at) AND %(mine)s
      GROUP BY agent
      ORDER BY %(known)s DESC, unapproved DESC, actions DESC
      LIMIT 200
    ||| % binding,
  },

  firstSeen: {
    name: 'agents.firstSeen',
    title: 'First seen: tools and targets',
    description: 'What an agent did in this time, and neither it nor its target in the 30 days before, the newest first, agents that the ledger knows before others. At most 20 of each.',
    format: 'table',
    empty: 'Nothing new: every tool and target was seen in the 30 days before.',
    columns: [
      columns.time('first', 'First seen', { width: 190 }),
      columns.agent,
      columns.text('action', 'Action', { width: 220 }),
      columns.target,
      columns.word('ruling', 'Ruling'),
      columns.number('times', 'Times', 'short', { width: 80 }),
      columns.word('verification', 'Verification'),
      columns.trace_id,
    ],
    rawSql: |||
      SELECT
        min(at) AS first,
        agent,
        concat(kind, ' ', name) AS action,
        target,
        argMin(ruling, at) AS ruling,
        %(actions)s AS times,
        argMin(verification, at) AS verification,
        argMin(trace_id, at) AS trace_id
      FROM holdpoint_activity
      WHERE at BETWEEN $__fromTime_ms - INTERVAL 30 DAY AND $__toTime_ms AND %(mine)s
      GROUP BY agent, kind, name, target
      HAVING first >= $__fromTime_ms AND times > 0
      ORDER BY %(known)s DESC, first DESC
      LIMIT 20 BY agent
      LIMIT 200
    ||| % binding,
  },

  refused: {
    name: 'agents.refused',
    title: 'Denied, and tried again',
    description: 'Actions that were refused to an agent by a person or by policy, with how often it tried. Many tries at the same thing are an agent that does not take no for an answer.',
    format: 'table',
    empty: 'Nothing was refused in this time.',
    columns: [
      columns.agent,
      columns.text('action', 'Action', { width: 220 }),
      columns.target,
      columns.number('by_people', 'Denied by people', 'short', { width: 130 }),
      columns.number('by_policy', 'Denied by policy', 'short', { width: 130 }),
      columns.number('expired', 'Nobody answered', 'short', { width: 130 }),
      columns.number('approved', 'Approved', 'short', { width: 90 }),
      columns.time('last', 'Last refusal', { width: 190 }),
      columns.trace_id,
      columns.request_id,
    ],
    rawSql: |||
      SELECT
        agent,
        concat(kind, ' ', name) AS action,
        target,
        countIf(decision = 'denied') AS by_people,
        countIf(ruling = 'deny') AS by_policy,
        countIf(decision = 'expired') AS expired,
        countIf(decision = 'approved') AS approved,
        maxIf(at, decision IN ('denied', 'expired') OR ruling = 'deny') AS last,
        argMaxIf(trace_id, at, decision IN ('denied', 'expired') OR ruling = 'deny') AS trace_id,
        argMaxIf(request_id, at, decision IN ('denied', 'expired') OR ruling = 'deny') AS request_id
      FROM holdpoint_held_between(%(between)s)
      WHERE %(mine)s
      GROUP BY agent, kind, name, target
      HAVING by_people + by_policy + expired > 0
      ORDER BY by_people + by_policy DESC, last DESC
      LIMIT 200
    ||| % binding,
  },

  risk: {
    name: 'agents.risk',
    title: 'Risk that agents asked for',
    description: 'Held actions by the risk that policy gives them, for the agents with the most of them.',
    format: 'table',
    empty: 'Nothing of these agents was held in this time.',
    columns: [
      columns.text('agent', 'Agent'),
      columns.number('low', 'Low', 'short', { colour: 'grey' }),
      columns.number('medium', 'Medium', 'short', { colour: 'sky' }),
      columns.number('high', 'High', 'short', { colour: 'orange' }),
      columns.number('critical', 'Critical', 'short', { colour: 'vermillion' }),
      columns.number('unrated', 'Not rated', 'short', { colour: 'dark' }),
    ],
    rawSql: |||
      SELECT
        agent,
        countIf(risk = 'low') AS low,
        countIf(risk = 'medium') AS medium,
        countIf(risk = 'high') AS high,
        countIf(risk = 'critical') AS critical,
        countIf(risk = '') AS unrated
      FROM holdpoint_requests_between(%(between)s)
      WHERE %(mine)s
      GROUP BY agent
      ORDER BY critical DESC, high DESC, count() DESC
      LIMIT 20
    ||| % binding,
  },
}
