-- What went round the gate, or lied about it; and what ran because its environment is only observed. Newest first.
-- Whoever turns pages gives toMs and the three after it as of the last row.
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
  request_id,
  -- Its place among rows of one span and moment: anybody can send several, which differ in one of these.
  hex(sipHash64(request_id, service_name, agent, environment, kind, name, target, outcome, verification, detail)) AS tie
FROM holdpoint_held_between(from_ms = {fromMs:Int64}, to_ms = {toMs:Int64})
WHERE verification IN ('missing', 'forged', 'unbound', 'replayed', 'observed')
  AND (empty({verifications:Array(String)}) OR has({verifications:Array(String)}, verification))
  AND (empty({agents:Array(String)}) OR has({agents:Array(String)}, agent))
  AND ({afterTie:String} = '' OR at < fromUnixTimestamp64Milli({toMs:Int64})
    OR (trace_id, span_id, tie) > ({afterTrace:String}, {afterSpan:String}, {afterTie:String}))
ORDER BY at DESC, trace_id, span_id, tie
LIMIT {most:UInt32}
