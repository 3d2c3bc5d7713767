-- What investigators look for, under names that are short to write. They cost nothing to insert and take no room,
-- in a table that the Collector's exporter made as well; the map's own index finds them. No verdict is among
-- them: anybody can write any attribute, so verdicts stand in holdpoint_actions alone, which
-- HoldpointApprovalId leads to.
ALTER TABLE otel_traces
  ADD COLUMN IF NOT EXISTS GenAiOperation String ALIAS SpanAttributes['gen_ai.operation.name'],
  ADD COLUMN IF NOT EXISTS GenAiAgent String ALIAS SpanAttributes['gen_ai.agent.name'],
  ADD COLUMN IF NOT EXISTS GenAiTool String ALIAS SpanAttributes['gen_ai.tool.name'],
  ADD COLUMN IF NOT EXISTS GenAiConversation String ALIAS SpanAttributes['gen_ai.conversation.id'],
  ADD COLUMN IF NOT EXISTS HoldpointApprovalId String ALIAS SpanAttributes['holdpoint.approval.id'] COMMENT 'as the span claims it: compare holdpoint_actions.request_id';
