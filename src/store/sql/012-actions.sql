-- Who acted next to who authorized it: one row for each gated action. Only the ledger and the pipeline's findings
-- feed it, for anybody can write anything into a span. A request meets the finding of its own span; a finding
-- that meets none (allowed, missing, forged, replayed, unbound) is a row without an approver.
-- Whoever judged first, and whichever pipeline it was, the same spans give the same rows.
--
-- From and to are milliseconds since the epoch, both included, and no later than 9999999999999. What came of an action
-- of that time may lie outside of it: spans under the same ids are looked for a day around, and what has to do with
-- the same request a hundred days.
CREATE OR REPLACE VIEW holdpoint_actions_between AS
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
    WHERE quiet = 0 AND at BETWEEN long_before AND long_after AND verification = 'refused'
      AND request_id GLOBAL IN (
        SELECT request_id FROM holdpoint_ledger
        WHERE type = 'requested' AND process = '' AND at BETWEEN long_before AND until)
    GROUP BY request_id
  ),
  entries AS (
    SELECT
      l.request_id AS request_id,
      anyIf((l.trace_id, l.span_id), l.type = 'requested') AS asking,
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
        empty(c.places), e.asking,
        arraySort(place -> (place != e.asking, place.1 != e.asking.1, place), c.places)[1]) AS place,
      place.1 AS trace_id,
      place.2 AS span_id
    FROM entries AS e
    LEFT JOIN refusals AS c ON c.request_id = e.request_id
  ),
  -- Their ids: what is allowed under one of them stands among the others.
  unquiet AS (
    SELECT span_hash FROM holdpoint_activity WHERE quiet = 0 AND at BETWEEN before AND after
  ),
  words AS (
    SELECT
      trace_id, span_id, content_digest, effect_of, at, service_name, agent, environment, kind, name, target, ruling,
      rule, policy_version, request_id, outcome, verification, reason, detail, judged_at
    FROM holdpoint_activity
    PREWHERE quiet = 0
      AND (at BETWEEN before AND after OR (at BETWEEN long_before AND long_after AND request_id GLOBAL IN concerned))
    UNION ALL
    -- What is allowed counts as well, under the same ids as something that is not.
    SELECT
      trace_id, span_id, content_digest, effect_of, at, service_name, agent, environment, kind, name, target, ruling,
      rule, policy_version, request_id, outcome, verification, reason, detail, judged_at
    FROM holdpoint_activity
    PREWHERE quiet = 1
      AND at BETWEEN before AND after AND span_hash GLOBAL IN unquiet
  ),
  -- The word that counts on one content of one span: an alarm before anything else, then the latest.
  contents AS (
    SELECT
      *,
      if(effect_of = '', span_id, concat('below ', effect_of)) AS place,
      -- One that was seen first is verified, and the second a replay: which was first is an accident.
      indexOf(['not_required', 'refused', 'observed', 'unverifiable', 'missing', 'unbound', 'replayed', 'forged'],
              if(verification = 'verified', 'replayed', verification)) AS weight
    FROM words
    ORDER BY verification IN ('missing', 'forged', 'unbound', 'replayed') DESC, judged_at DESC, verification DESC
    LIMIT 1 BY trace_id, span_id, content_digest
  ),
  -- Two contents under one pair of ids are two spans, and so are two effects of one approved action: if one of them
  -- used an approval, the others used it again. A single effect is no action.
  neighbours AS (
    SELECT
      * EXCEPT (verification, detail),
      uniqExactIf((span_id, content_digest), content_digest != '') OVER same > 1 AS several,
      max(judged_at) OVER same AS last_judged_at,
      max(weight) OVER same AS worst,
      if(several AND contents.verification = 'verified', 'replayed', contents.verification) AS verification,
      if(several AND contents.verification IN ('verified', 'replayed'),
         'an approval was used by more than one span', contents.detail) AS detail
    FROM contents
    WINDOW same AS (PARTITION BY trace_id, place)
  ),
  -- Of several the worst is shown, and each that is an alarm by itself, since somebody may have sent a worse one to
  -- cover it.
  shown AS (
    SELECT *
    FROM neighbours
    WHERE (several OR effect_of = '')
      AND (weight = worst OR verification IN ('missing', 'forged', 'unbound', 'replayed'))
    ORDER BY weight DESC, content_digest DESC, span_id DESC
    LIMIT 1 BY trace_id, place, verification,
      if(verification IN ('missing', 'forged', 'unbound'), (content_digest, span_id), ('', ''))
  ),
  findings AS (
    SELECT
      n.trace_id AS trace_id,
      n.span_id AS span_id,
      n.request_id AS request_id,
      n.at AS at,
      n.service_name AS service_name,
      n.agent AS agent,
      n.environment AS environment,
      n.kind AS kind,
      n.name AS name,
      n.target AS target,
      n.ruling AS ruling,
      n.rule AS rule,
      n.policy_version AS policy_version,
      n.outcome AS outcome,
      n.verification AS verification,
      n.reason AS reason,
      n.detail AS detail,
      n.last_judged_at AS judged_at,
      -- A request meets the worst of its own.
      row_number() OVER (
        PARTITION BY n.trace_id, n.span_id, n.request_id ORDER BY n.weight DESC, n.content_digest DESC) AS nth
    FROM shown AS n
  ),
  held AS (
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
      f.judged_at AS judged_at,
      r.on_behalf_of[1] AS user,
      r.risk AS risk
    FROM (SELECT *, toUInt64(1) AS nth FROM requests) AS r
    FULL OUTER JOIN findings AS f USING (request_id, trace_id, span_id, nth)
  ),
  -- Final: what was sent twice stands there once.
  allowed AS (
    SELECT at, trace_id, span_id, service_name, agent, environment, kind, name, target, ruling, rule, policy_version, outcome, detail, judged_at
    FROM holdpoint_activity FINAL
    PREWHERE quiet = 1 AND at BETWEEN since AND until AND span_hash GLOBAL NOT IN unquiet
  )
SELECT *
FROM held
WHERE at BETWEEN since AND until
UNION ALL
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
FROM allowed AS a;

CREATE OR REPLACE VIEW holdpoint_actions AS
SELECT * FROM holdpoint_actions_between(from_ms = 0, to_ms = 9999999999999);

-- Of one trace, in lowercase hex: in the time that its spans, and the requests that they speak of, lie in.
CREATE OR REPLACE VIEW holdpoint_actions_of_trace AS
WITH
  times AS (
    SELECT toUnixTimestamp64Milli(min(at)) AS first, toUnixTimestamp64Milli(max(at)) AS last
    FROM (
      SELECT at FROM holdpoint_findings WHERE trace_id = {trace_id:String}
      UNION ALL
      SELECT at FROM holdpoint_ledger WHERE request_id GLOBAL IN (
        SELECT request_id FROM holdpoint_ledger WHERE trace_id = {trace_id:String}
        UNION ALL
        SELECT request_id FROM holdpoint_findings WHERE trace_id = {trace_id:String} AND request_id != '')
    )
  )
SELECT * FROM holdpoint_actions_between(from_ms = (SELECT first FROM times), to_ms = (SELECT last FROM times))
WHERE trace_id = {trace_id:String};
