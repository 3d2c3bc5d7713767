local config = import '../config.libsonnet';
local dashboard = import '../dashboard.libsonnet';
local panels = import '../panels.libsonnet';
local queries = import '../queries/agents.libsonnet';
local rows = import '../rows.libsonnet';
local variables = import '../variables.libsonnet';

dashboard(
  uid=config.uids.agents,
  title='Agents',
  description='What agents do, what is new about it, and what was refused to them.',
  variables=[variables.agent],
  rows=[
    rows.row(100, 'Activity', [
      panels.timeseries(1, queries.activity, stacked=true) + panels.size(14, 9),
      panels.bars(2, queries.risk) + panels.size(10, 9),
      panels.table(3, queries.list) + panels.size(24, 9),
    ]),
    rows.row(200, 'Worth a look', [
      panels.table(4, queries.firstSeen) + panels.size(12, 12),
      panels.table(5, queries.refused) + panels.size(12, 12),
    ]),
  ],
)
