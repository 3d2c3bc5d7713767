-- What went round the gate, or lied about it; and what ran because its environment is only observed. Newest first.
SELECT
  at,
  verification,
  agent,
  kind,
  name,
  target,
  ruling,
  rule,
  outcome,
  detail,
  service_name,
  trace_id,
  span_id,
  request_id
FROM holdpoint_actions_between(from_ms = {fromMs:Int64}, to_ms = {toMs:Int64})
WHERE verification IN ('missing', 'forged', 'unbound', 'replayed', 'observed')
  AND (empty({verifications:Array(String)}) OR has({verifications:Array(String)}, verification))
  AND (empty({agents:Array(String)}) OR has({agents:Array(String)}, agent))
ORDER BY at DESC, trace_id, span_id
LIMIT {most:UInt32}
