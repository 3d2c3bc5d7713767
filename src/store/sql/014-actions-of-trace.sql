-- Actions of one trace, by its id in lowercase hex: the same rows as holdpoint_actions has of it, and in a few
-- milliseconds. It says once more what holdpoint_held_between says, for a view with parameters that calls another one
-- takes twice as long to work out; a test holds both to the same rows.
CREATE OR REPLACE VIEW holdpoint_actions_of_trace AS
WITH
  -- Its findings are in the order of traces, and tell when it was. Something of it may stand at its arrival.
  (SELECT (min(at) - INTERVAL 1 DAY, max(at) + INTERVAL 1 DAY)
   FROM holdpoint_findings WHERE trace_id = {trace_id:String}) AS days,
  -- Requests that asked or were used up there, and those that its spans speak of.
  concerned AS (
    SELECT request_id FROM holdpoint_ledger
    WHERE type IN ('requested', 'spent') AND trace_id = {trace_id:String}
    UNION ALL
    SELECT request_id FROM holdpoint_findings
    WHERE trace_id = {trace_id:String} AND request_id != ''
  ),
  -- Where somebody came back for the answer to a question that nobody had waited for, and did not run the action.
  refusals AS (
    SELECT request_id, groupUniqArray((trace_id, span_id)) AS places
    FROM holdpoint_activity
    WHERE quiet = 0 AND verification = 'refused' AND request_id GLOBAL IN concerned
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
    WHERE l.request_id GLOBAL IN concerned
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
  -- The word that counts on one content of one span: an alarm before anything else, then the latest. What is allowed
  -- stands by itself, once for each span and time.
  contents AS (
    SELECT
      trace_id, span_id, content_digest, effect_of, at, service_name, agent, environment, kind, name, target, ruling,
      rule, policy_version, request_id, outcome, verification, reason, detail, judged_at, quiet,
      -- What could not be verified when it came, and turned out to be allowed, is that alone.
      quiet = 0 AND reason IN ('ledger', 'policy') AND max(quiet) OVER (PARTITION BY span_id, content_digest) = 1 AS is_settled,
      if(quiet = 1, (at, version), (toDateTime64(0, 3, 'UTC'), 0)) AS once
    FROM holdpoint_activity
    PREWHERE trace_id = {trace_id:String} AND at BETWEEN days.1 AND days.2
    ORDER BY verification IN ('missing', 'forged', 'unbound', 'replayed') DESC, judged_at DESC, verification DESC
    LIMIT 1 BY trace_id, span_id, content_digest, once
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
    WHERE NOT is_settled
    WINDOW same AS (PARTITION BY trace_id, place, once)
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
      PARTITION BY trace_id, place, verification, once.1 ORDER BY weight DESC, once DESC, content_digest DESC, span_id DESC) = 1
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
WHERE trace_id = {trace_id:String};
