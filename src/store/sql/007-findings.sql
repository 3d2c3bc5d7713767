-- A finding stands for one content of one span, and an alarm is never replaced by a milder word, whoever judged
-- first: several pipelines judge at the same time. New columns alone may be added to a key, so the digest stands
-- in the key as `content`; rows from before have none there.
ALTER TABLE holdpoint_findings
  ADD COLUMN IF NOT EXISTS content String COMMENT 'content_digest, as part of the key',
  ADD COLUMN IF NOT EXISTS alarm UInt8 COMMENT '1 for missing, forged, unbound, replayed: these stand beside what was found before or after',
  MODIFY ORDER BY (trace_id, span_id, content, alarm);

ALTER TABLE holdpoint_findings
  ADD COLUMN IF NOT EXISTS content String COMMENT 'content_digest, as part of the key',
  ADD COLUMN IF NOT EXISTS alarm UInt8 COMMENT '1 for missing, forged, unbound, replayed: these stand beside what was found before or after',
  ADD COLUMN IF NOT EXISTS parent_span_id String AFTER span_id,
  ADD COLUMN IF NOT EXISTS effect_of String COMMENT 'the span whose approved action this one is the effect of: no action of its own, unless there are two' AFTER parent_span_id,
  ADD COLUMN IF NOT EXISTS reason LowCardinality(String) COMMENT 'of unverifiable: ledger (tried again), policy, span, word' AFTER verification,
  ADD COLUMN IF NOT EXISTS claim String COMMENT 'with the reason ledger: what the span says, to judge it again' CODEC(ZSTD(3)),
  ADD COLUMN IF NOT EXISTS received_at DateTime64(3, 'UTC') COMMENT 'when the span arrived' AFTER content_digest;

ALTER TABLE holdpoint_findings
  ADD INDEX IF NOT EXISTS idx_reason reason TYPE set(8) GRANULARITY 4;
