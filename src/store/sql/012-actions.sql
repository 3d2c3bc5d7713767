-- Who acted next to who authorized it: one row for each gated action. Only the ledger and the pipeline's findings
-- feed it, for anybody can write anything into a span. A request meets the finding of its own span; a finding
-- that meets none (missing, forged, replayed, unbound) is a row without an approver.
-- Whoever judged first, and whichever pipeline it was, the same spans give the same rows.
--
-- What policy allows without asking is nearly everything, uses no approval, and says nothing about what stands under
-- the same ids: it is a row of its own, and nothing of it is read to find out about the rest.
--
-- From and to are milliseconds since the epoch, both included, and no later than 9999999999999. What came of an action
-- of that time may lie outside of it: spans under the same ids are looked for a day around, and what has to do with
-- the same request a hundred days.
CREATE OR REPLACE VIEW holdpoint_held_between AS
WITH
  fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AS since,
  fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC') AS until,
  fromUnixTimestamp64Milli(greatest({from_ms:Int64} - 86400000, 0), 'UTC') AS before,
  fromUnixTimestamp64Milli({to_ms:Int64} + 86400000, 'UTC') AS after,
  fromUnixTimestamp64Milli(greatest({from_ms:Int64} - 8640000000, 0), 'UTC') AS long_before,
  fromUnixTimestamp64Milli({to_ms:Int64} + 8640000000, 'UTC') AS long_after,
  -- Requests of that time, and those that spans of that time speak of.
  concerned AS (
    SELECT request_id FROM holdpoint_ledger
    WHERE type = 'requested' AND at BETWEEN since AND until
    UNION ALL
    SELECT request_id FROM holdpoint_activity
    WHERE quiet = 0 AND at BETWEEN since AND until AND request_id != ''
  ),
  -- Where somebody came back for the answer to a question that nobody had waited for, and did not run the action.
  refusals AS (
    SELECT request_id, groupUniqArray((trace_id, span_id)) AS places
    FROM holdpoint_activity
    WHERE quiet = 0 AND at BETWEEN long_before AND long_after AND verification = 'refused' AND request_id != ''
    GROUP BY request_id
  ),
  entries AS (
    SELECT
      l.request_id AS request_id,
      anyIf((l.trace_id, l.span_id), l.type = 'requested') AS asking,
      anyIf(l.process, l.type = 'requested') != '' AS is_awaited,
      anyIf((l.trace_id, l.span_id), l.type = 'spent' AND l.trace_id != '') AS spending,
      minIf(l.at, l.type = 'requested') AS requested_at,
      anyIf(l.agent_name, l.type = 'requested') AS agent,
      anyIf(l.agent_iss, l.type = 'requested') AS agent_iss,
      anyIf(l.agent_sub, l.type = 'requested') AS agent_sub,
      anyIf(concat(l.owner_iss, '#', l.owner_sub), l.type = 'requested') AS owner,
      anyIf(l.on_behalf_of, l.type = 'requested') AS on_behalf_of,
      anyIf(l.environment, l.type = 'requested') AS environment,
      anyIf(l.enforcement, l.type = 'requested') AS enforcement,
      anyIf(l.kind, l.type = 'requested') AS kind,
      anyIf(l.name, l.type = 'requested') AS name,
      anyIf(l.target, l.type = 'requested') AS target,
      anyIf(l.action_digest, l.type = 'requested') AS action_digest,
      anyIf(l.ruling, l.type = 'requested') AS ruling,
      anyIf(l.rule, l.type = 'requested') AS rule,
      anyIf(l.policy_version, l.type = 'requested') AS policy_version,
      anyIf(l.risk, l.type = 'requested') AS risk,
      anyIf(l.threshold, l.type = 'requested') AS threshold,
      anyIf(l.decision, l.type = 'decided') AS decided,
      anyIf(l.decided_by, l.type = 'decided') AS decided_by,
      maxIf(l.at, l.type = 'decided') AS decided_at,
      anyIf(l.spend, l.type = 'spent') AS spend,
      anyIf(l.outcome, l.type = 'outcome') AS ledger_outcome,
      anyIf(l.error_type, l.type = 'outcome') AS error_type,
      -- Every arrow is taken once: two of one kind mean that one of them is not from the ledger. The same entry may
      -- be here twice, until it is merged with itself.
      greatest(
        uniqExactIf((l.origin, l.ledger_index, l.leaf_hash), l.type = 'requested'),
        uniqExactIf((l.origin, l.ledger_index, l.leaf_hash), l.type = 'decided'),
        uniqExactIf((l.origin, l.ledger_index, l.leaf_hash), l.type = 'spent'),
        uniqExactIf((l.origin, l.ledger_index, l.leaf_hash), l.type = 'outcome')) > 1 AS contradicted
    FROM holdpoint_ledger AS l
    WHERE l.request_id GLOBAL IN concerned AND l.at BETWEEN long_before AND long_after
    GROUP BY l.request_id
    HAVING countIf(l.type = 'requested') > 0
  ),
  -- A request belongs to the span that used it up, or else that asked. Where nobody waited, the question was a span
  -- of its own and no action, and what came back for the answer is one.
  requests AS (
    SELECT
      e.*,
      multiIf(
        e.spending.1 != '', e.spending,
        e.is_awaited OR empty(c.places), e.asking,
        arraySort(place -> (place != e.asking, place.1 != e.asking.1, place), c.places)[1]) AS place,
      place.1 AS trace_id,
      place.2 AS span_id,
      toUInt64(1) AS nth
    FROM entries AS e
    LEFT JOIN refusals AS c ON c.request_id = e.request_id
  ),
  -- What could not be verified when it came, and turned out to be allowed. A span stands at one time, whoever judges it.
  settled AS (
    SELECT span_hash, content_digest
    FROM holdpoint_activity
    PREWHERE quiet = 1 AND at BETWEEN before AND after AND at GLOBAL IN (
      SELECT at FROM holdpoint_activity
      WHERE quiet = 0 AND at BETWEEN before AND after AND reason IN ('ledger', 'policy'))
  ),
  -- The word that counts on one content of one span: an alarm before anything else, then the latest.
  contents AS (
    SELECT
      trace_id, span_id, content_digest, effect_of, at, service_name, agent, environment, kind, name, target, ruling,
      rule, policy_version, request_id, outcome, verification, reason, detail, judged_at
    FROM holdpoint_activity
    PREWHERE quiet = 0
      AND (at BETWEEN before AND after OR (at BETWEEN long_before AND long_after AND request_id GLOBAL IN concerned))
    WHERE NOT (reason IN ('ledger', 'policy') AND (span_hash, content_digest) GLOBAL IN settled)
    ORDER BY verification IN ('missing', 'forged', 'unbound', 'replayed') DESC, judged_at DESC, verification DESC
    LIMIT 1 BY trace_id, span_id, content_digest
  ),
  -- Two contents under one pair of ids are two spans, and so are two effects of one approved action: if one of them
  -- used an approval, the others used it again. A single effect is no action.
  neighbours AS (
    SELECT
      * EXCEPT (verification, detail),
      if(effect_of = '', span_id, concat('below ', effect_of)) AS place,
      uniqExactIf((span_id, content_digest), content_digest != '') OVER same > 1 AS several,
      max(judged_at) OVER same AS last_judged_at,
      -- One that was seen first is verified, and the second a replay: which was first is an accident.
      indexOf(['refused', 'observed', 'unverifiable', 'missing', 'unbound', 'replayed', 'forged'],
              if(contents.verification = 'verified', 'replayed', contents.verification)) AS weight,
      max(weight) OVER same AS worst,
      if(several AND contents.verification = 'verified', 'replayed', contents.verification) AS verification,
      if(several AND contents.verification IN ('verified', 'replayed'),
         'an approval was used by more than one span', contents.detail) AS detail
    FROM contents
    WINDOW same AS (PARTITION BY trace_id, place)
  ),
  -- Of several the worst is shown, and each that is an alarm by itself, since somebody may have sent a worse one to
  -- cover it. A request meets the worst of its own.
  findings AS (
    SELECT
      *,
      row_number() OVER (
        PARTITION BY trace_id, span_id, request_id ORDER BY weight DESC, content_digest DESC) AS nth
    FROM neighbours
    WHERE (several OR effect_of = '')
      AND (weight = worst OR verification IN ('missing', 'forged', 'unbound', 'replayed'))
    QUALIFY verification IN ('missing', 'forged', 'unbound') OR row_number() OVER (
      PARTITION BY trace_id, place, verification ORDER BY weight DESC, content_digest DESC, span_id DESC) = 1
  )
SELECT
  if(r.agent_sub != '', r.requested_at, f.at) AS at,
  trace_id,
  span_id,
  request_id,
  f.service_name AS service_name,
  if(r.agent_sub != '', r.agent, f.agent) AS agent,
  r.agent_iss AS agent_iss,
  r.agent_sub AS agent_sub,
  r.owner AS owner,
  r.on_behalf_of AS on_behalf_of,
  if(r.agent_sub != '', r.environment, f.environment) AS environment,
  r.enforcement AS enforcement,
  if(r.agent_sub != '', r.kind, f.kind) AS kind,
  if(r.agent_sub != '', r.name, f.name) AS name,
  if(r.agent_sub != '', r.target, f.target) AS target,
  r.action_digest AS action_digest,
  if(r.agent_sub != '', r.ruling, f.ruling) AS ruling,
  if(r.agent_sub != '', r.rule, f.rule) AS rule,
  if(r.agent_sub != '', r.policy_version, f.policy_version) AS policy_version,
  r.threshold AS threshold,
  multiIf(r.agent_sub = '', '', r.decided = '', 'pending', r.decided) AS decision,
  if(r.decided = 'approved', arrayMap(p -> p.name, r.decided_by), []) AS approvers,
  if(r.decided = 'approved', arrayMap(p -> concat(p.iss, '#', p.sub), r.decided_by), []) AS approver_ids,
  if(r.decided = 'denied', arrayMap(p -> p.name, r.decided_by), []) AS refused_by,
  arrayMap(p -> p.assurance, r.decided_by) AS assurances,
  arrayMap(p -> p.channel, r.decided_by) AS channels,
  if(r.decided != '', dateDiff('millisecond', r.requested_at, r.decided_at), NULL) AS wait_ms,
  r.spend AS spend,
  multiIf(
    r.agent_sub = '', f.outcome,
    r.ledger_outcome != '', r.ledger_outcome,
    r.spend = 'consumed', 'started',
    -- It says itself that it ran, on no approval: that the ledger knows of no run makes it no better.
    f.outcome IN ('executed', 'failed'), f.outcome,
    r.decided NOT IN ('', 'approved') OR r.spend != '', 'not_run',
    'pending') AS outcome,
  r.error_type AS error_type,
  r.contradicted AS contradicted,
  f.verification AS verification,
  f.reason AS reason,
  f.detail AS detail,
  f.last_judged_at AS judged_at,
  r.on_behalf_of[1] AS user,
  r.risk AS risk
FROM requests AS r
FULL OUTER JOIN findings AS f USING (request_id, trace_id, span_id, nth)
WHERE at BETWEEN since AND until;

-- What policy allows without asking, in the columns of all actions. Final: what was sent twice stands there once.
CREATE OR REPLACE VIEW holdpoint_allowed AS
SELECT
  a.at AS at,
  a.trace_id AS trace_id,
  a.span_id AS span_id,
  '' AS request_id,
  a.service_name AS service_name,
  a.agent AS agent,
  toLowCardinality('') AS agent_iss,
  '' AS agent_sub,
  '' AS owner,
  emptyArrayString() AS on_behalf_of,
  a.environment AS environment,
  toLowCardinality('') AS enforcement,
  a.kind AS kind,
  a.name AS name,
  a.target AS target,
  '' AS action_digest,
  a.ruling AS ruling,
  a.rule AS rule,
  a.policy_version AS policy_version,
  toUInt8(0) AS threshold,
  '' AS decision,
  emptyArrayString() AS approvers,
  emptyArrayString() AS approver_ids,
  emptyArrayString() AS refused_by,
  emptyArrayString() AS assurances,
  emptyArrayString() AS channels,
  CAST(NULL AS Nullable(Int64)) AS wait_ms,
  toLowCardinality('') AS spend,
  a.outcome AS outcome,
  toLowCardinality('') AS error_type,
  toUInt8(0) AS contradicted,
  toLowCardinality('not_required') AS verification,
  toLowCardinality('') AS reason,
  a.detail AS detail,
  a.judged_at AS judged_at,
  '' AS user,
  toLowCardinality('') AS risk
FROM holdpoint_activity AS a FINAL
PREWHERE a.quiet = 1;

CREATE OR REPLACE VIEW holdpoint_actions_between AS
SELECT * FROM holdpoint_held_between(from_ms = {from_ms:Int64}, to_ms = {to_ms:Int64})
UNION ALL
SELECT * FROM holdpoint_allowed
WHERE at BETWEEN fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AND fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC');

CREATE OR REPLACE VIEW holdpoint_actions AS
SELECT * FROM holdpoint_held_between(from_ms = 0, to_ms = 9999999999999)
UNION ALL
SELECT * FROM holdpoint_allowed;
