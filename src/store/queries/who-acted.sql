-- Who acted, and who authorized it: the newest actions of a time. An empty list, or text, filters nothing.
SELECT
  at,
  agent,
  user,
  if(kind = '', name, concat(kind, ' ', name)) AS action,
  target,
  ruling,
  rule,
  arrayStringConcat(if(notEmpty(refused_by), refused_by, a.approvers), ', ') AS approvers,
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
FROM holdpoint_actions_between(
  -- Nearly every action is allowed: as many of those as are wanted say how far back there is anything to look for.
  from_ms = coalesce((
    SELECT toUnixTimestamp64Milli(min(at)) FROM (
      SELECT at FROM holdpoint_activity
      WHERE quiet = 1
        AND at BETWEEN fromUnixTimestamp64Milli({fromMs:Int64}) AND fromUnixTimestamp64Milli({toMs:Int64})
        AND span_hash GLOBAL NOT IN (SELECT span_hash FROM holdpoint_activity WHERE quiet = 0
          AND at BETWEEN fromUnixTimestamp64Milli({fromMs:Int64} - 86400000) AND fromUnixTimestamp64Milli({toMs:Int64} + 86400000))
        AND (empty({agents:Array(String)}) OR has({agents:Array(String)}, agent))
        AND (empty({environments:Array(String)}) OR has({environments:Array(String)}, environment))
        AND (empty({rulings:Array(String)}) OR has({rulings:Array(String)}, ruling))
        AND (empty({verifications:Array(String)}) OR has({verifications:Array(String)}, 'not_required'))
        AND ({text:String} = ''
          OR positionCaseInsensitiveUTF8(concat(agent, '\n', name, '\n', target, '\n', rule, '\n', trace_id), {text:String}) > 0)
      ORDER BY at DESC
      LIMIT 1 BY span_hash
      LIMIT {most:UInt32}
    )
    HAVING count() = {most:UInt32}), {fromMs:Int64}),
  to_ms = {toMs:Int64}) AS a
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
