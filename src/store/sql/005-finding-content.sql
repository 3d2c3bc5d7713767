-- Two spans under one pair of ids are told apart by what is in them: the second must not take the place of the first.
ALTER TABLE holdpoint_findings
  ADD COLUMN IF NOT EXISTS content_digest String COMMENT 'of the whole span, as it came' AFTER detail;
