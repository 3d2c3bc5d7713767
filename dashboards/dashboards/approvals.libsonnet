local config = import '../config.libsonnet';
local dashboard = import '../dashboard.libsonnet';
local panels = import '../panels.libsonnet';
local queries = import '../queries/approvals.libsonnet';
local reviews = import '../queries/reviews.libsonnet';
local rows = import '../rows.libsonnet';
local variables = import '../variables.libsonnet';

local size = panels.size;

dashboard(
  uid=config.uids.approvals,
  title='Approvals',
  description='How people decide: what waits, how long it takes, what expires, and who decides how much.',
  variables=[
    variables.many('rule', 'Rule', 'Only what these rules of the policy hold.', queries.rules),
    variables.environment,
  ],
  rows=[
    rows.row(100, 'Now', [
      panels.stat(1, queries.now) + size(8, 4),
      panels.stat(2, queries.summary) + size(16, 4),
      panels.table(3, queries.waiting) + size(24, 8),
    ]),
    rows.row(101, 'Decisions', [
      panels.timeseries(4, queries.decisions, stacked=true) + size(12, 8),
      panels.timeseries(5, queries.latency) + size(12, 8),
      panels.table(6, queries.byRule) + size(24, 8),
    ]),
    rows.row(102, 'Reviewers', [
      panels.table(7, reviews.reviewers) + size(24, 8),
      panels.table(8, reviews.byGroup) + size(12, 8),
      panels.table(9, reviews.byChannel) + size(12, 8),
      panels.timeseries(10, reviews.instant) + size(24, 7),
    ]),
    rows.row(103, 'What did not go well', [
      panels.table(11, queries.expiries) + size(24, 8),
      panels.timeseries(12, queries.escalations, stacked=true) + size(12, 7),
      panels.timeseries(13, reviews.refused, stacked=true) + size(12, 7),
      panels.table(14, queries.freezes) + size(24, 6),
    ]),
  ],
)
