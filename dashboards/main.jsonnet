// All that is generated: `files` into out/, and what each panel's query is expected to return, for the checks.
local links = import 'links.libsonnet';

local dashboards = {
  'who-acted.json': import 'dashboards/who-acted.libsonnet',
  'action.json': import 'dashboards/action.libsonnet',
  'agents.json': import 'dashboards/agents.libsonnet',
  'approvals.json': import 'dashboards/approvals.libsonnet',
  'itself.json': import 'dashboards/itself.libsonnet',
  'violations.json': import 'dashboards/violations.libsonnet',
};

local others(one) = [dashboards[file] for file in std.objectFields(dashboards) if dashboards[file].uid != one.uid];

// A query as the checks see it. `place` is where it stands: panel ids and refIds.
local expectation(file, place, query) = {
  file: file,
  place: place,
  name: query.name,
  description: query.description,
  columns: query.columns,
};

{
  files: {
    [file]: dashboards[file] { links: links.others(others(dashboards[file])) }
    for file in std.objectFields(dashboards)
  },

  expectations: [
    expectation(file, { panel: panel.id, refId: target.refId }, target.query)
    for file in std.objectFields(dashboards)
    for panel in dashboards[file].panels
    for target in std.get(panel, 'targets', [])
  ] + [
    expectation(file, { annotation: annotation.name }, annotation.target.query)
    for file in std.objectFields(dashboards)
    for annotation in dashboards[file].annotations.list
  ],
}
