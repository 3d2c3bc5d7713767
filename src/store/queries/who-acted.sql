-- Who acted, and who authorized it: the newest actions of a time. An empty list, or text, filters nothing; texts are
-- found anywhere in their column, in any case. Whoever turns pages gives toMs and the three after it as of the last row.
WITH
  -- Nearly every action is allowed: as many of those as are wanted say how far back there is anything to look for.
  oldest AS (
    SELECT coalesce((
      SELECT toUnixTimestamp64Milli(min(at)) FROM (
        SELECT at FROM holdpoint_activity
        WHERE quiet = 1
          AND at BETWEEN fromUnixTimestamp64Milli({fromMs:Int64}) AND fromUnixTimestamp64Milli({toMs:Int64})
          -- What stands at the cursor's own moment may have been shown.
          AND ({afterTie:String} = '' OR at < fromUnixTimestamp64Milli({toMs:Int64}))
          AND (empty({agents:Array(String)}) OR has({agents:Array(String)}, agent))
          AND (empty({environments:Array(String)}) OR has({environments:Array(String)}, environment))
          AND (empty({kinds:Array(String)}) OR has({kinds:Array(String)}, kind))
          AND (empty({rulings:Array(String)}) OR has({rulings:Array(String)}, ruling))
          AND (empty({decisions:Array(String)}) OR has({decisions:Array(String)}, 'none'))
          AND (empty({verifications:Array(String)}) OR has({verifications:Array(String)}, 'not_required'))
          AND {user:String} = '' AND {approver:String} = ''
          AND ({action:String} = '' OR positionCaseInsensitiveUTF8(concat(kind, ' ', name), {action:String}) > 0)
          AND ({target:String} = '' OR positionCaseInsensitiveUTF8(target, {target:String}) > 0)
          AND ({text:String} = ''
            OR positionCaseInsensitiveUTF8(
              concat(agent, '\n\n', name, '\n', target, '\n', rule, '\n\n', trace_id, '\n\n'), {text:String}) > 0)
        ORDER BY at DESC
        LIMIT 1 BY span_hash
        LIMIT {most:UInt32}
      )
      HAVING count() = {most:UInt32}), {fromMs:Int64}) AS ms
  )
SELECT
  at,
  agent,
  user,
  if(kind = '', name, concat(kind, ' ', name)) AS action,
  target,
  ruling,
  rule,
  -- By whose word it ran. Whoever refused must never pass for whoever released.
  multiIf(
    decision = 'approved', arrayStringConcat(a.approvers, ', '),
    decision = 'denied', concat('denied by ', arrayStringConcat(refused_by, ', ')),
    decision = 'pending', 'nobody yet',
    decision != '', concat('nobody: ', decision),
    verification IN ('missing', 'forged', 'unbound', 'replayed'), 'nobody',
    verification = 'observed', 'nobody: only observed',
    verification = 'unverifiable', 'unknown',
    ruling = 'deny', 'nobody: policy denies it',
    ruling = 'allow', 'policy alone',
    'nobody: not released') AS authorized_by,
  decision,
  a.approvers AS approvers,
  refused_by,
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
  enforcement,
  -- Its place among rows of one span and moment: anybody can send several, which differ in one of these.
  hex(sipHash64(request_id, service_name, agent, environment, kind, name, target, outcome, verification, detail)) AS tie
FROM (
  SELECT * FROM holdpoint_held_between(from_ms = (SELECT ms FROM oldest), to_ms = {toMs:Int64})
  UNION ALL
  SELECT * FROM holdpoint_allowed
  WHERE at BETWEEN fromUnixTimestamp64Milli((SELECT ms FROM oldest)) AND fromUnixTimestamp64Milli({toMs:Int64})
) AS a
WHERE (empty({agents:Array(String)}) OR has({agents:Array(String)}, agent))
  AND (empty({environments:Array(String)}) OR has({environments:Array(String)}, environment))
  AND (empty({kinds:Array(String)}) OR has({kinds:Array(String)}, kind))
  AND (empty({rulings:Array(String)}) OR has({rulings:Array(String)}, if(ruling = '', 'unknown', ruling)))
  AND (empty({decisions:Array(String)}) OR has({decisions:Array(String)}, if(decision = '', 'none', decision)))
  AND (empty({verifications:Array(String)}) OR has({verifications:Array(String)}, verification))
  AND ({user:String} = '' OR positionCaseInsensitiveUTF8(user, {user:String}) > 0)
  AND ({action:String} = '' OR positionCaseInsensitiveUTF8(concat(kind, ' ', name), {action:String}) > 0)
  AND ({target:String} = '' OR positionCaseInsensitiveUTF8(target, {target:String}) > 0)
  AND ({approver:String} = ''
    OR positionCaseInsensitiveUTF8(
      concat(arrayStringConcat(a.approvers, '\n'), '\n', arrayStringConcat(approver_ids, '\n')), {approver:String}) > 0)
  AND ({text:String} = ''
    OR positionCaseInsensitiveUTF8(
      concat(agent, '\n', user, '\n', name, '\n', target, '\n', rule, '\n', request_id, '\n', trace_id, '\n',
             arrayStringConcat(a.approvers, '\n'), '\n', arrayStringConcat(refused_by, '\n')),
      {text:String}) > 0)
  AND ({afterTie:String} = '' OR at < fromUnixTimestamp64Milli({toMs:Int64})
    OR (trace_id, span_id, tie) > ({afterTrace:String}, {afterSpan:String}, {afterTie:String}))
ORDER BY at DESC, trace_id, span_id, tie
LIMIT {most:UInt32}
