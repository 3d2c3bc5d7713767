// What changed the rules of the game, as lines across every chart.
local config = import 'config.libsonnet';
local palette = import 'palette.libsonnet';
local panels = import 'panels.libsonnet';
local queries = import 'queries/annotations.libsonnet';

local annotation(query, colour) = {
  name: query.title,
  enable: true,
  hide: false,
  iconColor: palette.colours[colour],
  datasource: config.datasource,
  target: panels.target(query, 'Anno'),
};

{
  all: [
    annotation(queries.policies, 'blue'),
    annotation(queries.freezes, 'vermillion'),
  ],
}
