local annotations = import 'annotations.libsonnet';
local config = import 'config.libsonnet';
local layout = import 'rows.libsonnet';
local shared = import 'variables.libsonnet';

// A dashboard of Grafana's, out of `variables` of its own and `rows`. main.jsonnet adds the links to the others.
function(uid, title, description, rows, variables=[], refresh='') {
  local placed = layout.place(rows),
  local leadsToConsole = std.length([
    link
    for panel in placed
    if std.objectHas(panel, 'fieldConfig')
    for override in panel.fieldConfig.overrides
    for property in override.properties
    if property.id == 'links'
    for link in property.value
    if std.startsWith(link.url, '${console}/')
  ]) > 0,

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
  templating: { list: [shared.datasource] + (if leadsToConsole then [shared.console] else []) + variables },
  panels: placed,
}
