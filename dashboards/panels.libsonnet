// One function for each kind of panel. Title, description, units, colours and links are the query's; a dashboard
// says only where a panel stands and what is special about it.
local config = import 'config.libsonnet';
local palette = import 'palette.libsonnet';

local FORMATS = { timeseries: 0, table: 1, trace: 3 };

local target(query, refId='A') = {
  refId: refId,
  datasource: config.datasource,
  pluginVersion: config.pluginVersion,
  editorType: 'sql',
  format: FORMATS[query.format],
  queryType: query.format,
  rawSql: query.rawSql,
  // Not part of the output: what the checks hold it against.
  query:: query,
};

local thresholds(steps) = { mode: 'absolute', steps: steps };

// A colour for whatever the number is, or only where it is not 0: a tile that lights up means something.
local always(colour) = [{ id: 'color', value: { mode: 'fixed', fixedColor: colour } }];
local unlessZero(before) = function(colour) [
  { id: 'color', value: { mode: 'thresholds' } },
  { id: 'thresholds', value: thresholds([{ value: null, color: before }, { value: 1, color: colour }]) },
];

// What stands in a column, and nothing about its place.
local overrides(column, colour=always) =
  local words = std.get(column, 'words');
  local property(id, value) = { id: id, value: value };
  local given(name, id=name) = if std.objectHas(column, name) then [property(id, column[name])] else [];
  {
    matcher: { id: 'byName', options: column.name },
    properties: [property('displayName', column.title)]
                + given('unit') + given('decimals') + given('min') + given('max')
                + (if words != null then [property('mappings', palette.mappings(words))] else [])
                + (if std.objectHas(column, 'colour') then colour(palette.colours[column.colour]) else [])
                + given('links'),
  };

local panel(id, type, query, options) = {
  id: id,
  type: type,
  title: query.title,
  description: query.description,
  datasource: config.datasource,
  targets: [target(query)],
  fieldConfig: {
    defaults: {
      noValue: query.empty,
      // Grafana's own are green below 80 and red from there on, of whatever it is.
      color: { mode: 'thresholds' },
      thresholds: thresholds([{ value: null, color: palette.colours.dark }]),
    },
    overrides: [overrides(column) for column in query.columns],
  },
  options: options,
};

// In a table alone: cells and widths.
local cells(query) = {
  fieldConfig+: {
    overrides: [
      overrides(column, unlessZero('text')) {
        properties+:
          (if std.objectHas(column, 'asLetters')
           then [
             { id: 'custom.cellOptions', value: { type: 'color-text' } },
             { id: 'thresholds', value: thresholds([{ value: null, color: 'text' }]) },
           ]
           else if std.objectHas(column, 'words')
           then [{ id: 'custom.cellOptions', value: { type: 'color-background', mode: 'basic' } }] else [])
          + (if std.objectHas(column, 'colour')
             then [{ id: 'custom.cellOptions', value: { type: 'color-text' } }] else [])
          + (if std.objectHas(column, 'width')
             then [{ id: 'custom.width', value: column.width }] else []),
      }
      for column in query.columns
    ],
  },
};

local tooltip = { mode: 'multi', sort: 'desc' };
local legend = { displayMode: 'list', placement: 'bottom', showLegend: true, calcs: [] };

{
  target:: target,

  table(id, query): panel(id, 'table', query, { showHeader: true, cellHeight: 'sm', enablePagination: false })
                    + cells(query)
                    + { fieldConfig+: { defaults+: { custom: { align: 'auto', filterable: true, inspect: true } } } },

  // One row of numbers, a tile for each column.
  stat(id, query): panel(id, 'stat', query, {
    colorMode: 'background_solid',
    graphMode: 'none',
    justifyMode: 'auto',
    orientation: 'auto',
    textMode: 'value_and_name',
    wideLayout: true,
    reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
  }) + { fieldConfig+: { overrides: [overrides(column, unlessZero(palette.colours.dark)) for column in query.columns] } },

  // A column of time and a number for each line; `stacked` where they add up to something.
  timeseries(id, query, stacked=false): panel(id, 'timeseries', query, { tooltip: tooltip, legend: legend }) + {
    fieldConfig+: {
      defaults+: {
        custom: {
          drawStyle: if stacked then 'bars' else 'line',
          lineWidth: 1,
          fillOpacity: if stacked then 80 else 10,
          showPoints: 'auto',
          spanNulls: false,
          stacking: { mode: if stacked then 'normal' else 'none', group: 'A' },
        },
      },
    },
  },

  // A column of texts and a number for each bar beside it.
  bars(id, query, stacked=true): panel(id, 'barchart', query, {
    orientation: 'horizontal',
    xField: query.columns[0].name,
    stacking: if stacked then 'normal' else 'none',
    showValue: 'auto',
    groupWidth: 0.7,
    barWidth: 0.9,
    tooltip: tooltip,
    legend: legend { showLegend: std.length(query.columns) > 2 },
    xTickLabelRotation: 0,
    xTickLabelSpacing: 0,
    fullHighlight: false,
  }) + { fieldConfig+: { defaults+: { custom: { fillOpacity: 80, lineWidth: 1 } } } },

  trace(id, query): panel(id, 'traces', query, {}),

  // What a dashboard is for, in a few words.
  note(id, title, markdown): {
    id: id,
    type: 'text',
    title: title,
    description: 'What this dashboard is for.',
    options: { mode: 'markdown', content: markdown },
  },

  // A place in the grid of 24 columns: see rows.libsonnet.
  size(width, height):: { width:: width, height:: height },
}
