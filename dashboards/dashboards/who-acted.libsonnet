local config = import '../config.libsonnet';
local dashboard = import '../dashboard.libsonnet';
local palette = import '../palette.libsonnet';
local panels = import '../panels.libsonnet';
local queries = import '../queries/who-acted.libsonnet';
local rows = import '../rows.libsonnet';
local variables = import '../variables.libsonnet';

dashboard(
  uid=config.uids.whoActed,
  title='Who acted, who authorized',
  description='Every gated action beside the person who released or refused it.',
  variables=[
    variables.agent,
    variables.text('user', 'For user', 'Somewhere in the account on whose behalf it was done.'),
    variables.kind,
    variables.text('action', 'Action', 'Somewhere in its kind and name.'),
    variables.text('target', 'Target', 'Somewhere in what it was done to.'),
    variables.environment,
    // What is allowed without asking is nearly everything that agents do.
    variables.words('ruling', 'Ruling', 'What policy said of the action. Unknown: the span does not carry what that depends on.', ['allow', 'hold', 'deny', 'unknown'], selected=['hold', 'deny', 'unknown']),
    variables.words('decision', 'Decision', 'What became of the request. None: nobody was asked.', std.objectFields(palette.words.decision) + ['none']),
    variables.text('approver', 'Approved by', 'Somewhere in the name or account of who approved.'),
    variables.words('verification', 'Verification', 'What the pipeline found.', std.objectFields(palette.words.verification)),
    variables.text('text', 'Search', 'In agent, user, action, target, rule, people and ids.'),
  ],
  rows=[
    rows.row(100, 'At a glance', [
      panels.stat(1, queries.counts) + panels.size(24, 4),
    ]),
    rows.row(200, 'One by one', [
      panels.table(2, queries.actions) + panels.size(24, 14),
    ]),
    rows.row(300, 'What stands out', [
      panels.timeseries(3, queries.overTime, stacked=true) + panels.size(12, 9),
      panels.table(4, queries.authorizers) + panels.size(12, 9),
      panels.table(5, queries.unusualHours) + panels.size(24, 9),
    ]),
  ],
)
