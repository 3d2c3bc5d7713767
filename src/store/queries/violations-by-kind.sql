-- How many violations there are of each kind, in the order in which they are worth a look: one row.
SELECT
  countIf(verification = 'forged') AS forged,
  countIf(verification = 'missing') AS missing,
  countIf(verification = 'replayed') AS replayed,
  countIf(verification = 'unbound') AS unbound,
  countIf(verification = 'observed') AS observed
FROM holdpoint_held_between(from_ms = {fromMs:Int64}, to_ms = {toMs:Int64})
WHERE verification IN ('missing', 'forged', 'unbound', 'replayed', 'observed')
  AND (empty({verifications:Array(String)}) OR has({verifications:Array(String)}, verification))
  AND (empty({agents:Array(String)}) OR has({agents:Array(String)}, agent))
