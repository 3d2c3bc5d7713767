-- Who acted next to who authorized it: one row for each gated action. Only the ledger and the pipeline's findings
-- feed it, for anybody can write anything into a span. A request meets the finding of its own span; a finding
-- that meets none (allowed, missing, forged, replayed, unbound) is a row without an approver.
CREATE OR REPLACE VIEW holdpoint_actions AS
WITH
  requests AS (
    SELECT
      request_id,
      if(countIf(type = 'spent' AND trace_id != '') > 0,
         argMaxIf((trace_id, span_id), ledger_index, type = 'spent' AND trace_id != ''),
         anyIf((trace_id, span_id), type = 'requested')) AS place,
      place.1 AS trace_id,
      place.2 AS span_id,
      minIf(at, type = 'requested') AS requested_at,
      anyIf(agent_name, type = 'requested') AS agent,
      anyIf(agent_iss, type = 'requested') AS agent_iss,
      anyIf(agent_sub, type = 'requested') AS agent_sub,
      anyIf(concat(owner_iss, '#', owner_sub), type = 'requested') AS owner,
      anyIf(on_behalf_of, type = 'requested') AS on_behalf_of,
      anyIf(environment, type = 'requested') AS environment,
      anyIf(enforcement, type = 'requested') AS enforcement,
      anyIf(kind, type = 'requested') AS kind,
      anyIf(name, type = 'requested') AS name,
      anyIf(target, type = 'requested') AS target,
      anyIf(action_digest, type = 'requested') AS action_digest,
      anyIf(ruling, type = 'requested') AS ruling,
      anyIf(rule, type = 'requested') AS rule,
      anyIf(policy_version, type = 'requested') AS policy_version,
      anyIf(threshold, type = 'requested') AS threshold,
      anyIf(decision, type = 'decided') AS decided,
      anyIf(decided_by, type = 'decided') AS decided_by,
      maxIf(at, type = 'decided') AS decided_at,
      anyIf(spend, type = 'spent') AS spend,
      anyIf(outcome, type = 'outcome') AS ledger_outcome,
      anyIf(error_type, type = 'outcome') AS error_type
    FROM holdpoint_ledger FINAL
    WHERE request_id != ''
    GROUP BY request_id
    HAVING countIf(type = 'requested') > 0
  ),
  findings AS (
    SELECT * FROM holdpoint_findings FINAL
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
    r.decided NOT IN ('', 'approved') OR r.spend != '', 'not_run',
    'pending') AS outcome,
  r.error_type AS error_type,
  f.verification AS verification,
  f.detail AS detail,
  f.judged_at AS judged_at
FROM requests AS r
FULL OUTER JOIN findings AS f USING (request_id, trace_id, span_id);
