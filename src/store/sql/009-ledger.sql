-- Everything that an entry says has a column by now; the statement has it all in one anyway.
ALTER TABLE holdpoint_ledger
  ADD COLUMN IF NOT EXISTS render_hash String COMMENT 'of the card that was shown, or reviewed' AFTER expires_at,
  ADD COLUMN IF NOT EXISTS valid_for_ms UInt64 COMMENT 'how long an approval may wait for its execution' AFTER render_hash,
  ADD COLUMN IF NOT EXISTS process String COMMENT 'of the agent, that waits' AFTER valid_for_ms,
  ADD COLUMN IF NOT EXISTS precondition String AFTER process,
  ADD COLUMN IF NOT EXISTS prompted_by String COMMENT 'issuer#subject of the person whose session asked' AFTER precondition,
  ADD COLUMN IF NOT EXISTS reviewer_groups Array(String) COMMENT 'those that may answer, of which the reviewer was one' AFTER reviewer_name,
  ADD COLUMN IF NOT EXISTS reason_digest String COMMENT 'salted; the words are in the payload bucket' AFTER verdict,
  ADD COLUMN IF NOT EXISTS observes UInt8 COMMENT 'of a policy: some environment is only observed' AFTER policy_hash,
  ADD COLUMN IF NOT EXISTS release String COMMENT 'of a policy: the request whose approval released it' AFTER observes,
  ADD COLUMN IF NOT EXISTS directory_version UInt64 COMMENT 'of people, who are compared by it from then on' AFTER release,
  ADD COLUMN IF NOT EXISTS directory_hash String AFTER directory_version,
  ADD COLUMN IF NOT EXISTS frozen Nullable(UInt8) COMMENT 'of a freeze: from here on agent_sub, or every agent where that is empty, may do nothing; 0: may again' AFTER directory_hash,
  ADD COLUMN IF NOT EXISTS freeze_turn UInt64 AFTER frozen,
  ADD COLUMN IF NOT EXISTS sealed_epoch UInt64 COMMENT 'of continued: the epoch before, and all that it held' AFTER freeze_turn,
  ADD COLUMN IF NOT EXISTS sealed_size UInt64 AFTER sealed_epoch,
  ADD COLUMN IF NOT EXISTS sealed_root String COMMENT 'lowercase hex, RFC 9162' AFTER sealed_size;

ALTER TABLE holdpoint_ledger
  COMMENT COLUMN origin 'which log: the number of the epoch',
  COMMENT COLUMN type 'requested, review, decided, spent, outcome, erased, policy, directory, freeze, continued',
  COMMENT COLUMN reviewer_iss 'who reviewed, took an approval back, erased or froze',
  COMMENT COLUMN assurance 'of the person in reviewer_iss and reviewer_sub',
  COMMENT COLUMN channel 'through which that person did it',
  COMMENT COLUMN policy_version 'that ruled on a request, or came into force';
