-- Who acted next to who authorized it, by the ledger and the pipeline's own findings. Where there are too many, those
-- that ran unapproved stay: anybody can fill a trace with what is allowed.
SELECT
  span_id AS spanId,
  request_id AS requestId,
  substring(agent, 1, 300) AS agent,
  owner,
  substring(name, 1, 300) AS name,
  ruling,
  rule,
  decision,
  approvers,
  refused_by AS refusedBy,
  outcome,
  contradicted,
  verification,
  substring(detail, 1, 500) AS detail
FROM (
  SELECT *
  FROM holdpoint_actions_of_trace(trace_id = {traceId:String})
  ORDER BY
    verification IN ('missing', 'forged', 'unbound', 'replayed') DESC, verification = 'not_required', at, span_id
  LIMIT {most:UInt32}
)
ORDER BY at, span_id
