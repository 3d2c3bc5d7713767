-- Requests and reviews as the ledger has them, each in one row. Those of some time are found without reading all of
-- it. From and to are milliseconds since the epoch, both included, and no later than 9999999999999.
CREATE OR REPLACE VIEW holdpoint_requests_between AS
WITH
  fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AS since,
  fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC') AS until
SELECT
  l.request_id AS request_id,
  minIf(l.at, l.type = 'requested') AS requested_at,
  anyIf(l.agent_name, l.type = 'requested') AS agent,
  anyIf(l.agent_sub, l.type = 'requested') AS agent_sub,
  anyIf(l.environment, l.type = 'requested') AS environment,
  anyIf(l.enforcement, l.type = 'requested') AS enforcement,
  anyIf(l.kind, l.type = 'requested') AS kind,
  anyIf(l.name, l.type = 'requested') AS name,
  anyIf(l.target, l.type = 'requested') AS target,
  anyIf(l.rule, l.type = 'requested') AS rule,
  anyIf(l.risk, l.type = 'requested') AS risk,
  anyIf(l.threshold, l.type = 'requested') AS threshold,
  anyIf(l.on_behalf_of, l.type = 'requested') AS on_behalf_of,
  on_behalf_of[1] AS user,
  anyIf(l.expires_at, l.type = 'requested') AS expires_at,
  anyIf(l.trace_id, l.type = 'requested') AS trace_id,
  anyIf(l.span_id, l.type = 'requested') AS span_id,
  anyIf(l.decision, l.type = 'decided') AS decision,
  if(decision = '', 'pending', decision) AS state,
  nullIf(maxIf(l.at, l.type = 'decided'), toDateTime64(0, 3, 'UTC')) AS decided_at,
  if(decision = '', NULL, dateDiff('millisecond', requested_at, decided_at)) AS wait_ms,
  anyIf(l.decided_by, l.type = 'decided') AS decided_by,
  -- Nobody who refused it is one of them.
  if(decision = 'approved', arrayMap(p -> p.name, decided_by), []) AS approvers,
  if(decision = 'denied', arrayMap(p -> p.name, decided_by), []) AS refused_by,
  arrayMap(p -> p.channel, decided_by) AS channels,
  arrayMap(p -> p.assurance, decided_by) AS assurances,
  anyIf(l.spend, l.type = 'spent') AS spend,
  nullIf(maxIf(l.at, l.type = 'spent'), toDateTime64(0, 3, 'UTC')) AS spent_at,
  anyIf(l.outcome, l.type = 'outcome') AS outcome,
  anyIf(l.origin, l.type = 'requested') AS origin,
  anyIf(l.ledger_index, l.type = 'requested') AS first_index
FROM holdpoint_ledger AS l
WHERE l.at BETWEEN since AND fromUnixTimestamp64Milli({to_ms:Int64} + 8640000000, 'UTC') AND l.request_id GLOBAL IN (
  SELECT request_id FROM holdpoint_ledger WHERE type = 'requested' AND at BETWEEN since AND until)
GROUP BY l.request_id;

CREATE OR REPLACE VIEW holdpoint_requests AS
SELECT * FROM holdpoint_requests_between(from_ms = 0, to_ms = 9999999999999);

-- Reviews given in that time. A review after the decision stands in the ledger and has no effect.
CREATE OR REPLACE VIEW holdpoint_reviews_between AS
WITH
  fromUnixTimestamp64Milli({from_ms:Int64}, 'UTC') AS since,
  fromUnixTimestamp64Milli({to_ms:Int64}, 'UTC') AS until,
  requests AS (
    SELECT
      l.request_id AS request_id,
      minIf(l.at, l.type = 'requested') AS requested_at,
      anyIf(l.rule, l.type = 'requested') AS rule,
      anyIf(l.risk, l.type = 'requested') AS risk,
      anyIf(l.kind, l.type = 'requested') AS kind,
      anyIf(l.name, l.type = 'requested') AS name,
      anyIf(l.agent_name, l.type = 'requested') AS agent,
      anyIf(l.environment, l.type = 'requested') AS environment,
      minIf((toUInt64OrZero(l.origin), l.ledger_index), l.type = 'decided') AS decided,
      countIf(l.type = 'decided') > 0 AS is_decided
    FROM holdpoint_ledger AS l
    WHERE l.type IN ('requested', 'decided')
      AND l.at BETWEEN fromUnixTimestamp64Milli(greatest({from_ms:Int64} - 8640000000, 0), 'UTC')
                   AND fromUnixTimestamp64Milli({to_ms:Int64} + 8640000000, 'UTC')
      AND l.request_id GLOBAL IN (
      SELECT request_id FROM holdpoint_ledger WHERE type = 'review' AND at BETWEEN since AND until)
    GROUP BY l.request_id
  ),
  reviews AS (
    SELECT
      v.origin AS origin, v.ledger_index AS ledger_index, v.leaf_hash AS leaf_hash,
      any(v.at) AS at,
      any(v.request_id) AS request_id,
      any(concat(v.reviewer_iss, '#', v.reviewer_sub)) AS reviewer,
      any(v.reviewer_name) AS reviewer_name,
      any(v.reviewer_groups) AS reviewer_groups,
      any(v.verdict) AS verdict,
      any(v.assurance) AS assurance,
      any(v.channel) AS channel
    FROM holdpoint_ledger AS v
    WHERE v.type = 'review' AND v.at BETWEEN since AND until
    -- Until it is merged with itself, an entry may be here twice.
    GROUP BY v.origin, v.ledger_index, v.leaf_hash
  )
SELECT
  v.at AS at,
  v.request_id AS request_id,
  r.requested_at AS requested_at,
  dateDiff('millisecond', r.requested_at, v.at) AS review_ms,
  v.reviewer AS reviewer,
  v.reviewer_name AS reviewer_name,
  v.reviewer_groups AS reviewer_groups,
  v.verdict AS verdict,
  v.assurance AS assurance,
  v.channel AS channel,
  r.rule AS rule,
  r.risk AS risk,
  r.kind AS kind,
  r.name AS name,
  r.agent AS agent,
  r.environment AS environment,
  r.is_decided AND (toUInt64OrZero(v.origin), v.ledger_index) > r.decided AS after_decision,
  v.origin AS origin,
  v.ledger_index AS ledger_index
FROM reviews AS v
INNER JOIN requests AS r ON r.request_id = v.request_id;

CREATE OR REPLACE VIEW holdpoint_reviews AS
SELECT * FROM holdpoint_reviews_between(from_ms = 0, to_ms = 9999999999999);
