local config = import '../config.libsonnet';
local dashboard = import '../dashboard.libsonnet';
local panels = import '../panels.libsonnet';
local queries = import '../queries/violations.libsonnet';
local rows = import '../rows.libsonnet';
local variables = import '../variables.libsonnet';

dashboard(
  uid=config.uids.violations,
  title='Violations',
  description='What went round the gate: forged, missing, replayed and unbound approvals, and what is only observed.',
  variables=[
    variables.agent,
    variables.words(
      'violation',
      'Violation',
      'Only these.',
      ['forged', 'missing', 'replayed', 'unbound', 'observed'],
    ),
  ],
  rows=[
    rows.row(100, 'At a glance', [
      panels.stat(1, queries.counts) + panels.size(24, 4),
      panels.timeseries(2, queries.overTime, stacked=true) + panels.size(14, 8),
      panels.bars(3, queries.byAgent) + panels.size(10, 8),
    ]),
    rows.row(200, 'One by one', [
      panels.table(4, queries.list) + panels.size(24, 16),
    ]),
  ],
)
