local config = import '../config.libsonnet';
local dashboard = import '../dashboard.libsonnet';
local panels = import '../panels.libsonnet';
local queries = import '../queries/action.libsonnet';
local rows = import '../rows.libsonnet';
local variables = import '../variables.libsonnet';

dashboard(
  uid=config.uids.action,
  title='One action',
  description='One trace: who acted, who authorized it, when each step was taken, and where it stands in the ledger.',
  variables=[
    variables.text('trace', 'Trace', 'Id of a trace, in lowercase hexadecimal.'),
    variables.text('request', 'Request', 'Id of an approval request, which is enough to find its trace.'),
  ],
  rows=[
    rows.row(100, 'Who acted, who authorized', [
      panels.table(1, queries.actions) + panels.size(24, 7),
    ]),
    rows.row(200, 'How it went', [
      panels.trace(2, queries.trace) + panels.size(24, 16),
      panels.table(3, queries.timeline) + panels.size(13, 10),
      panels.table(4, queries.reviews) + panels.size(11, 10),
    ]),
    rows.row(300, 'Proof', [
      panels.table(5, queries.position) + panels.size(24, 9),
    ]),
  ],
)
