-- Who acted next to who authorized it: one row for each gated action. Only the ledger and the pipeline's findings
-- feed it, for anybody can write anything into a span. A request meets the finding of its own span; a finding
-- that meets none (allowed, missing, forged, replayed, unbound) is a row without an approver.
-- Whoever judged first, and whichever pipeline it was, the same spans give the same rows.
CREATE OR REPLACE VIEW holdpoint_actions AS
WITH
  requests AS (
    SELECT
      l.request_id AS request_id,
      if(countIf(l.type = 'spent' AND l.trace_id != '') > 0,
         anyIf((l.trace_id, l.span_id), l.type = 'spent' AND l.trace_id != ''),
         anyIf((l.trace_id, l.span_id), l.type = 'requested')) AS place,
      place.1 AS trace_id,
      place.2 AS span_id,
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
      anyIf(l.threshold, l.type = 'requested') AS threshold,
      anyIf(l.decision, l.type = 'decided') AS decided,
      anyIf(l.decided_by, l.type = 'decided') AS decided_by,
      maxIf(l.at, l.type = 'decided') AS decided_at,
      anyIf(l.spend, l.type = 'spent') AS spend,
      anyIf(l.outcome, l.type = 'outcome') AS ledger_outcome,
      anyIf(l.error_type, l.type = 'outcome') AS error_type,
      -- Every arrow is taken once: two of one kind mean that one of them is not from the ledger.
      greatest(
        countIf(l.type = 'requested'), countIf(l.type = 'decided'),
        countIf(l.type = 'spent'), countIf(l.type = 'outcome')) > 1 AS contradicted
    FROM holdpoint_ledger AS l FINAL
    WHERE l.request_id != ''
    GROUP BY l.request_id
    HAVING countIf(l.type = 'requested') > 0
  ),
  -- The word that counts on one content of one span: an alarm before anything else, then the latest.
  contents AS (
    SELECT
      f.trace_id AS trace_id,
      f.span_id AS span_id,
      f.content_digest AS content_digest,
      argMax(
        (f.request_id, f.effect_of, f.timestamp, f.service_name, f.agent, f.environment, f.kind, f.name, f.target,
         f.ruling, f.rule, f.policy_version, f.outcome, f.verification, f.reason, f.detail, f.judged_at),
        (f.verification IN ('missing', 'forged', 'unbound', 'replayed'), f.judged_at, f.verification)) AS word,
      word.2 AS effect_of,
      -- One that was seen first is verified, and the second a replay: which was first is an accident.
      indexOf(['not_required', 'refused', 'observed', 'unverifiable', 'missing', 'unbound', 'replayed', 'forged'],
              if(word.14 = 'verified', 'replayed', word.14)) AS weight
    FROM holdpoint_findings AS f
    GROUP BY f.trace_id, f.span_id, f.content_digest
  ),
  -- Two contents under one pair of ids are two spans, and so are two effects of one approved action: if one of them
  -- used an approval, the others used it again. Of several the worst is shown; a single effect is no action.
  findings AS (
    SELECT
      c.trace_id AS trace_id,
      if(c.effect_of = '', c.span_id, concat('below ', c.effect_of)) AS place,
      uniqExactIf((c.span_id, c.content_digest), c.content_digest != '') > 1 AS several,
      argMax(tuple(c.span_id, c.word), (c.weight, c.content_digest, c.span_id)) AS shown,
      shown.1 AS span_id,
      shown.2.1 AS request_id,
      shown.2.3 AS timestamp,
      shown.2.4 AS service_name,
      shown.2.5 AS agent,
      shown.2.6 AS environment,
      shown.2.7 AS kind,
      shown.2.8 AS name,
      shown.2.9 AS target,
      shown.2.10 AS ruling,
      shown.2.11 AS rule,
      shown.2.12 AS policy_version,
      shown.2.13 AS outcome,
      if(several AND shown.2.14 = 'verified', 'replayed', shown.2.14) AS verification,
      shown.2.15 AS reason,
      if(several AND verification = 'replayed', 'an approval was used by more than one span', shown.2.16) AS detail,
      max(c.word.17) AS judged_at
    FROM contents AS c
    GROUP BY trace_id, place
    HAVING several OR NOT startsWith(place, 'below ')
  )
SELECT
  if(r.agent_sub != '', r.requested_at, toDateTime64(f.timestamp, 3, 'UTC')) AS at,
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
  f.judged_at AS judged_at
FROM requests AS r
FULL OUTER JOIN findings AS f USING (request_id, trace_id, span_id);
