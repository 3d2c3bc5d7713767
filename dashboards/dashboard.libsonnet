local annotations = import 'annotations.libsonnet';
local config = import 'config.libsonnet';
local layout = import 'rows.libsonnet';
local shared = import 'variables.libsonnet';

// A dashboard of Grafana's, out of `variables` of its own and `rows`. main.jsonnet adds the links to the others.
function(uid, title, description, rows, variables=[], refresh='') {
  uid: uid,
  title: title,
  description: description,
  tags: config.tags,
  schemaVersion: config.schemaVersion,
  version: 1,
  editable: true,
  graphTooltip: 1,
  timezone: 'browser',
  weekStart: '',
  fiscalYearStartMonth: 0,
  liveNow: false,
  preload: false,
  time: config.range,
  timepicker: {},
  refresh: refresh,
  annotations: { list: annotations.all },
  templating: { list: [shared.datasource, shared.console] + variables },
  panels: layout.place(rows),
}
