-- Who acted, and who authorized it: the newest actions of a time. An empty list, or text, filters nothing.
SELECT
  at,
  agent,
  user,
  if(kind = '', name, concat(kind, ' ', name)) AS action,
  target,
  ruling,
  rule,
  arrayStringConcat(if(notEmpty(refused_by), refused_by, approvers), ', ') AS approvers,
  arrayStringConcat(arrayDistinct(assurances), ', ') AS assurance,
  arrayStringConcat(arrayDistinct(channels), ', ') AS channel,
  wait_ms,
  outcome,
  verification,
  detail,
  trace_id,
  span_id,
  request_id,
  risk,
  environment,
  enforcement
FROM holdpoint_actions_between(from_ms = {fromMs:UInt64}, to_ms = {toMs:UInt64}) AS a
WHERE (empty({agents:Array(String)}) OR has({agents:Array(String)}, agent))
  AND (empty({environments:Array(String)}) OR has({environments:Array(String)}, environment))
  AND (empty({rulings:Array(String)}) OR has({rulings:Array(String)}, ruling))
  AND (empty({verifications:Array(String)}) OR has({verifications:Array(String)}, verification))
  AND ({text:String} = ''
    OR positionCaseInsensitiveUTF8(
      concat(agent, '\n', user, '\n', name, '\n', target, '\n', rule, '\n', request_id, '\n', trace_id, '\n',
             arrayStringConcat(a.approvers, '\n'), '\n', arrayStringConcat(refused_by, '\n')),
      {text:String}) > 0)
ORDER BY at DESC, trace_id, span_id
LIMIT {most:UInt32}
