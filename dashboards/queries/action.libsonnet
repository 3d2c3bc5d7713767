local columns = import '../columns.libsonnet';
local variables = import '../variables.libsonnet';

local binding = {
  // Ids are hexadecimal or base64url; whatever else somebody types stays encoded, and finds nothing. Where only the
  // request is known, its trace is the one that used the approval up, or else that asked.
  trace: "if('${trace:percentencode}' != '', '${trace:percentencode}', coalesce((SELECT argMax(trace_id, type = 'spent') "
         + "FROM holdpoint_ledger WHERE request_id = %s AND request_id != '' AND trace_id != ''), ''))" % variables.word('request'),
  request: variables.word('request'),
  // Requests of the trace, and the one that is asked for.
  requests: |||
    SELECT request_id FROM holdpoint_ledger
      WHERE type IN ('requested', 'spent')
        AND (trace_id = '${trace:percentencode}' AND trace_id != '' OR request_id = %s)
  ||| % variables.word('request'),
};

{
  actions: {
    name: 'action.actions',
    title: 'Gated actions of this trace',
    description: 'Who acted, who authorized it, and what the pipeline found when it compared each span with the ledger.',
    format: 'table',
    empty: 'No gated action is known of this trace. Put its id into the box above, or come here by a link of another dashboard.',
    columns: [
      columns.at,
      columns.agent,
      columns.user,
      columns.text('action', 'Action', { width: 220 }),
      columns.target,
      columns.word('ruling', 'Ruling'),
      columns.rule,
      columns.decision,
      columns.text('approvers', 'Approved by', { width: 180 }),
      columns.text('refused_by', 'Denied by', { width: 180 }),
      columns.number('wait_ms', 'Wait', 'ms', { width: 90 }),
      columns.word('outcome', 'Outcome'),
      columns.word('verification', 'Verification'),
      columns.text('detail', 'Why', { width: 300 }),
      columns.text('span_id', 'Span', { width: 150 }),
      columns.text('request_id', 'Request', { width: 150, links: [columns.links.card, columns.links.proof] }),
    ],
    rawSql: |||
      SELECT
        at,
        agent,
        user,
        concat(kind, ' ', name) AS action,
        target,
        ruling,
        rule,
        decision,
        arrayStringConcat(a.approvers, ', ') AS approvers,
        arrayStringConcat(a.refused_by, ', ') AS refused_by,
        wait_ms,
        outcome,
        verification,
        detail,
        span_id,
        request_id
      FROM (
        SELECT *
        FROM holdpoint_actions_of_trace(trace_id = %(trace)s)
        -- Anybody can fill a trace with what is allowed.
        ORDER BY verification IN ('missing', 'forged', 'unbound', 'replayed') DESC, verification = 'not_required', at, span_id
        LIMIT 1000
      ) AS a
      ORDER BY at, span_id
    ||| % binding,
  },

  trace: {
    name: 'action.trace',
    title: 'Trace',
    description: "The spans as their processes tell them. Their own holdpoint.* attributes are left out, for anybody can write those; what starts with ledger. comes from the ledger and the pipeline's findings. A span that ran unapproved is marked as an error.",
    format: 'trace',
    empty: 'No span of this trace is stored. Put its id into the box above, or come here by a link of another dashboard.',
    columns: [
      columns.text('traceID', 'Trace'),
      columns.text('spanID', 'Span'),
      columns.text('parentSpanID', 'Parent'),
      columns.text('serviceName', 'Service'),
      columns.text('operationName', 'Operation'),
      columns.number('startTime', 'Start', 'ms'),
      columns.number('duration', 'Duration', 'ms'),
      columns.pairs('tags', 'Attributes'),
      columns.pairs('serviceTags', 'Resource'),
      columns.number('statusCode', 'Status', 'short'),
      columns.pairs('logs', 'Events'),
      columns.pairs('references', 'Links'),
      columns.text('kind', 'Kind'),
      columns.text('statusMessage', 'Status message'),
    ],
    rawSql: |||
      WITH
        %(trace)s AS one_trace,
        found AS (
          SELECT
            span_id,
            max(verification IN ('missing', 'forged', 'unbound', 'replayed')) AS alarming,
            groupArray([
              ('ledger.verification', verification),
              ('ledger.decision', decision),
              ('ledger.approvers', arrayStringConcat(approvers, ', ')),
              ('ledger.refused_by', arrayStringConcat(refused_by, ', ')),
              ('ledger.outcome', outcome),
              ('ledger.rule', toString(rule)),
              ('ledger.request_id', request_id)
            ]) AS said
          FROM holdpoint_actions_of_trace(trace_id = %(trace)s)
          GROUP BY span_id
        )
      SELECT
        TraceId AS traceID,
        SpanId AS spanID,
        ParentSpanId AS parentSpanID,
        toString(ServiceName) AS serviceName,
        toString(SpanName) AS operationName,
        toUnixTimestamp64Nano(Timestamp) / 1000000 AS startTime,
        Duration / 1000000 AS duration,
        arrayMap(
          pair -> map('key', pair.1, 'value', pair.2),
          arrayConcat(
            -- By this tag alone the panel marks a span as wrong.
            if(f.alarming = 1 OR StatusCode = 'Error', [('error', 'true')], []),
            arrayFilter(pair -> pair.2 != '', arrayFlatten(f.said)),
            arrayFilter(
              pair -> NOT startsWith(pair.1, 'holdpoint.') AND NOT startsWith(pair.1, 'ledger.'),
              arrayMap((key, value) -> (toString(key), value), mapKeys(SpanAttributes), mapValues(SpanAttributes))))
        ) AS tags,
        arrayMap(
          (key, value) -> map('key', toString(key), 'value', value),
          mapKeys(ResourceAttributes), mapValues(ResourceAttributes)) AS serviceTags,
        multiIf(f.alarming = 1 OR StatusCode = 'Error', 2, StatusCode = 'Ok', 1, 0) AS statusCode,
        arrayMap(
          (time, name, attributes) -> tuple(
            toUnixTimestamp64Nano(time) / 1000000,
            arrayConcat(
              [map('key', 'event', 'value', toString(name))],
              arrayMap(
                (key, value) -> map('key', toString(key), 'value', value), mapKeys(attributes), mapValues(attributes)))
          )::Tuple(timestamp Float64, fields Array(Map(String, String))),
          Events.Timestamp, Events.Name, Events.Attributes) AS logs,
        arrayMap(
          (trace, span, attributes) -> tuple(
            trace,
            span,
            arrayMap((key, value) -> map('key', toString(key), 'value', value), mapKeys(attributes), mapValues(attributes))
          )::Tuple(traceID String, spanID String, tags Array(Map(String, String))),
          Links.TraceId, Links.SpanId, Links.Attributes) AS references,
        lower(toString(SpanKind)) AS kind,
        if(f.alarming = 1, 'ran unapproved: see ledger.verification', StatusMessage) AS statusMessage
      FROM otel_traces AS s
      LEFT JOIN found AS f ON f.span_id = s.SpanId
      WHERE TraceId = one_trace
        AND Timestamp >= (SELECT min(Start) FROM otel_traces_trace_id_ts WHERE TraceId = one_trace)
        AND Timestamp <= (SELECT max(End) + 1 FROM otel_traces_trace_id_ts WHERE TraceId = one_trace)
      -- The panel puts them in order; of too many, those that ran unapproved are there.
      ORDER BY f.alarming DESC, f.span_id = '', startTime, spanID
      LIMIT 5000
    ||| % binding,
  },

  timeline: {
    name: 'action.timeline',
    title: 'Timeline',
    description: 'What the ledger has about these requests, in its order: asked, reviewed, decided, used up, and what became of it, each with the person and with the time since it was asked.',
    format: 'table',
    empty: 'The ledger has no request of this trace: nobody was asked, or it is not the trace that you look for.',
    columns: [
      columns.at,
      columns.number('since_ms', 'Since asked', 'ms', { width: 110 }),
      columns.text('step', 'Step', { width: 110 }),
      columns.text('what', 'What', { width: 200 }),
      columns.text('who', 'Who', { width: 220 }),
      columns.text('how', 'How', { width: 160 }),
      columns.text('request_id', 'Request', { width: 150, links: [columns.links.card, columns.links.proof] }),
    ],
    rawSql: |||
      SELECT
        at,
        dateDiff('millisecond', min(at) OVER (PARTITION BY request_id), at) AS since_ms,
        type AS step,
        multiIf(
          type = 'requested', concat(kind, ' ', name),
          type = 'review', verdict,
          type = 'decided', decision,
          type = 'spent', spend,
          type = 'outcome', if(error_type = '', toString(outcome), concat(outcome, ': ', error_type)),
          '') AS what,
        multiIf(
          type = 'requested', agent_name,
          reviewer_sub != '', if(reviewer_name = '', reviewer_sub, reviewer_name),
          arrayStringConcat(arrayMap(person -> person.name, decided_by), ', ')) AS who,
        arrayStringConcat(arrayFilter(word -> word != '', [toString(assurance), toString(channel)]), ', ') AS how,
        request_id
      FROM holdpoint_ledger FINAL
      WHERE request_id != '' AND request_id IN (
        %(requests)s)
      -- First the one that is asked for: others may bear the ids of its trace.
      ORDER BY request_id = %(request)s DESC, toUInt64OrZero(origin), ledger_index
      LIMIT 1000
    ||| % binding,
  },

  reviews: {
    name: 'action.reviews',
    title: 'Reviews',
    description: 'Each signed-in answer to these requests. Late: it came after the decision, stands in the ledger and had no effect.',
    format: 'table',
    empty: 'Nobody has reviewed this.',
    columns: [
      columns.at,
      columns.text('person', 'Person', { width: 180 }),
      columns.word('verdict', 'Verdict'),
      columns.number('review_ms', 'After', 'ms', { width: 100 }),
      columns.word('assurance', 'Assurance'),
      columns.text('channel', 'Channel', { width: 100 }),
      columns.text('groups', 'As one of', { width: 180 }),
      columns.text('late', 'Late', { width: 70 }),
      columns.text('reviewer', 'Account', { width: 260 }),
      columns.number('ledger_index', 'Entry', 'none', { width: 80 }),
    ],
    rawSql: |||
      SELECT
        at,
        reviewer_name AS person,
        verdict,
        review_ms,
        assurance,
        channel,
        arrayStringConcat(reviewer_groups, ', ') AS groups,
        if(after_decision = 1, 'late', '') AS late,
        reviewer,
        ledger_index
      FROM holdpoint_reviews
      WHERE request_id IN (
        %(requests)s)
      ORDER BY request_id = %(request)s DESC, at, ledger_index
      LIMIT 1000
    ||| % binding,
  },

  position: {
    name: 'action.position',
    title: 'Where it stands in the ledger',
    description: 'Each entry with its place in the log and its leaf, the RFC 9162 hash of the statement. With the signed checkpoint that the console shows, anybody can verify them with tools of their own.',
    format: 'table',
    empty: 'The ledger has no entry of this trace.',
    columns: [
      columns.text('epoch', 'Epoch', { width: 80 }),
      columns.number('ledger_index', 'Entry', 'none', { width: 80, links: [columns.links.checkpoint] }),
      columns.at,
      columns.text('type', 'What', { width: 110 }),
      columns.text('leaf_hash', 'Leaf', { width: 260 }),
      columns.text('statement', 'Statement'),
    ],
    rawSql: |||
      SELECT
        toString(origin) AS epoch,
        ledger_index,
        at,
        type,
        leaf_hash,
        statement
      FROM holdpoint_ledger FINAL
      WHERE request_id != '' AND request_id IN (
        %(requests)s)
      -- First the one that is asked for: others may bear the ids of its trace.
      ORDER BY request_id = %(request)s DESC, toUInt64OrZero(origin), ledger_index
      LIMIT 1000
    ||| % binding,
  },
}
