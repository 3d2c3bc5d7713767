-- One row for each judged span; a later judgement of the same span replaces the earlier one.
CREATE TABLE IF NOT EXISTS holdpoint_findings (
  trace_id String,
  span_id String,
  timestamp DateTime64(9, 'UTC') COMMENT 'start of the span, by the clock of its process',
  service_name LowCardinality(String),
  agent LowCardinality(String) COMMENT 'the name that the span gives, not proved',
  environment LowCardinality(String),
  kind LowCardinality(String),
  name String,
  target String,
  ruling LowCardinality(String) COMMENT 'what policy said of it at the time',
  rule LowCardinality(String),
  policy_version UInt64,
  request_id String COMMENT 'as the span claims it',
  outcome LowCardinality(String) COMMENT 'executed, failed, not_run',
  verification LowCardinality(String),
  detail String COMMENT 'why, in words',
  -- Two spans under one pair of ids are told apart by it: the second must not take the place of the first.
  content_digest String COMMENT 'of the whole span, as it came',
  judged_at DateTime64(3, 'UTC'),
  INDEX idx_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_request_id request_id TYPE bloom_filter(0.001) GRANULARITY 1,
  INDEX idx_timestamp timestamp TYPE minmax GRANULARITY 1
) ENGINE = ReplacingMergeTree(judged_at)
ORDER BY (trace_id, span_id)
SETTINGS non_replicated_deduplication_window = 1000;
