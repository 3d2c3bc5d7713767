-- When a span stands in time. Its own clock counts within a day before its arrival and five minutes after: a span
-- that dates itself elsewhere must not hide outside of the range that somebody looks at.
ALTER TABLE holdpoint_findings
  ADD COLUMN IF NOT EXISTS at DateTime64(3, 'UTC') MATERIALIZED if(
    timestamp BETWEEN if(received_at = 0, judged_at, received_at) - INTERVAL 1 DAY
                  AND if(received_at = 0, judged_at, received_at) + INTERVAL 5 MINUTE,
    toDateTime64(timestamp, 3, 'UTC'),
    if(received_at = 0, judged_at, received_at)) COMMENT 'the start of the span, where that can be believed, or else its arrival',
  ADD COLUMN IF NOT EXISTS span_hash UInt64 MATERIALIZED cityHash64(trace_id, span_id) COMMENT 'of the pair of ids: quicker to compare',
  ADD COLUMN IF NOT EXISTS quiet UInt8 MATERIALIZED verification = 'not_required' COMMENT '1 for what policy allows without asking: nearly everything';

-- Findings in the order of time, what is not quiet apart from the rest. One span may stand here several times, for
-- it may be sent and judged again: count them as uniqExact(span_hash).
CREATE TABLE IF NOT EXISTS holdpoint_activity (
  at DateTime64(3, 'UTC') COMMENT 'the start of the span, where that can be believed, or else its arrival' CODEC(Delta, ZSTD(1)),
  received_at DateTime64(3, 'UTC') COMMENT 'when the span arrived' CODEC(Delta, ZSTD(1)),
  judged_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
  quiet UInt8 COMMENT '1 for what policy allows without asking: nearly everything',
  span_hash UInt64 COMMENT 'of trace_id and span_id',
  trace_id String CODEC(ZSTD(1)),
  span_id String CODEC(ZSTD(1)),
  effect_of String CODEC(ZSTD(1)),
  service_name LowCardinality(String),
  agent LowCardinality(String) COMMENT 'the name that the span gives, not proved',
  environment LowCardinality(String),
  kind LowCardinality(String),
  name String CODEC(ZSTD(1)),
  target String CODEC(ZSTD(1)),
  ruling LowCardinality(String) COMMENT 'what policy said of it at the time',
  rule LowCardinality(String),
  policy_version UInt64 CODEC(ZSTD(1)),
  request_id String COMMENT 'as the span claims it' CODEC(ZSTD(1)),
  outcome LowCardinality(String) COMMENT 'executed, failed, not_run',
  verification LowCardinality(String),
  reason LowCardinality(String) COMMENT 'of unverifiable: ledger (tried again), policy, span, word',
  detail String COMMENT 'why, in words' CODEC(ZSTD(1)),
  content_digest String COMMENT 'of the whole span, as it came' CODEC(ZSTD(1)),
  content String MATERIALIZED if(quiet = 1, '', content_digest) COMMENT 'what is quiet needs to stand here once for each span' CODEC(ZSTD(1)),
  version UInt64 MATERIALIZED if(quiet = 1, cityHash64(content_digest), toUnixTimestamp64Milli(judged_at)) COMMENT 'which of two rows stands, whichever came first' CODEC(ZSTD(1)),
  INDEX idx_trace_id trace_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX idx_request_id request_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree(version)
PARTITION BY toDate(at)
PRIMARY KEY (quiet, at)
ORDER BY (quiet, at, span_hash, content, verification)
SETTINGS non_replicated_deduplication_window = 10000;

CREATE MATERIALIZED VIEW IF NOT EXISTS holdpoint_activity_mv TO holdpoint_activity AS
SELECT
  at,
  if(received_at = 0, judged_at, received_at) AS received_at,
  judged_at,
  quiet,
  span_hash,
  trace_id,
  span_id,
  effect_of,
  service_name,
  agent,
  environment,
  kind,
  name,
  target,
  ruling,
  rule,
  policy_version,
  request_id,
  outcome,
  verification,
  reason,
  detail,
  content_digest
FROM holdpoint_findings;

-- What was found before there was such a view. What is inserted twice replaces itself.
INSERT INTO holdpoint_activity SELECT
  at,
  if(received_at = 0, judged_at, received_at) AS received_at,
  judged_at,
  quiet,
  span_hash,
  trace_id,
  span_id,
  effect_of,
  service_name,
  agent,
  environment,
  kind,
  name,
  target,
  ruling,
  rule,
  policy_version,
  request_id,
  outcome,
  verification,
  reason,
  detail,
  content_digest
FROM holdpoint_findings
SETTINGS max_partitions_per_insert_block = 0;

-- Entries stand in the order of time, so a few granules are those of a week. Older parts take it when they are merged.
ALTER TABLE holdpoint_ledger
  ADD INDEX IF NOT EXISTS idx_at at TYPE minmax GRANULARITY 1;
