local choices = import '../queries/choices.libsonnet';
local config = import '../config.libsonnet';
local dashboard = import '../dashboard.libsonnet';
local panels = import '../panels.libsonnet';
local queries = import '../queries/violations.libsonnet';
local rows = import '../rows.libsonnet';
local variables = import '../variables.libsonnet';

dashboard(
  uid=config.uids.violations,
  title='Violations',
  description='What went round the gate: forged, missing, replayed, unbound and only observed actions.',
  variables=[variables.many('agent', 'Agent', 'Only these agents.', choices.agents)],
  rows=[
    rows.row(100, 'At a glance', [
      panels.stat(1, queries.counts) + panels.size(24, 4),
    ]),
  ],
)
