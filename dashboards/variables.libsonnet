// The variables at the top of a dashboard, and how their values get into SQL.
//
// Agents choose their own names and anybody can send a link with a value in it. Grafana's quoting formats double
// quotes but leave backslashes, with which a value ends ClickHouse's string and goes on as SQL. So values are put
// into SQL percent-encoded, which leaves nothing to escape, and ClickHouse decodes them: by `list` and `word` alone.
local choices = import 'queries/choices.libsonnet';
local config = import 'config.libsonnet';

// Stands for All and reaches SQL as it is: no `is=`, and so no filter.
local ALL = '*';

{
  datasource: {
    name: 'datasource',
    label: 'ClickHouse',
    description: 'The ClickHouse that Holdpoint writes to.',
    type: 'datasource',
    query: config.datasource.type,
    refresh: 1,
    regex: '',
    multi: false,
    includeAll: false,
    options: [],
    current: { text: '', value: '', selected: false },
    hide: 0,
  },

  // A constant, because an address in a link could lead people to somebody else's console.
  console: {
    name: 'console',
    label: 'Console',
    description: "Address of Holdpoint's console, which links lead to.",
    type: 'constant',
    query: config.console,
    current: { text: config.console, value: config.console, selected: true },
    options: [],
    hide: 2,
    skipUrlSync: true,
  },

  // Any number of values that `rawSql` offers; none is the same as all.
  many(name, label, description, rawSql): {
    name: name,
    label: label,
    description: description,
    type: 'query',
    datasource: config.datasource,
    query: rawSql,
    refresh: 2,
    regex: '',
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: ALL,
    options: [],
    current: { text: ['All'], value: ['$__all'], selected: true },
    hide: 0,
  },

  // Any number of words that never change; `selected` of them at first, or all.
  words(name, label, description, values, selected=[]): {
    local first = if selected == [] then { text: ['All'], value: ['$__all'] } else { text: selected, value: selected },
    name: name,
    label: label,
    description: description,
    type: 'custom',
    query: std.join(',', values),
    multi: true,
    includeAll: true,
    allValue: ALL,
    options: [],
    current: first { selected: true },
    hide: 0,
  },

  text(name, label, description, value=''): {
    name: name,
    label: label,
    description: description,
    type: 'textbox',
    query: value,
    options: [{ text: value, value: value, selected: true }],
    current: { text: value, value: value, selected: true },
    hide: 0,
  },

  // Those that several dashboards have, so that a link can hand them on.
  agent: $.many('agent', 'Agent', 'Only these agents.', choices.agents),
  kind: $.many('kind', 'Kind', 'Only these kinds of action.', choices.kinds),
  environment: $.many('environment', 'Environment', 'Only these environments.', choices.environments),

  // SQL: Array(String) of what is selected, empty where nothing or everything is.
  list(name):: "arrayMap(one -> decodeURLComponent(substring(one, 4)), arrayFilter(one -> match(one, '^is=.'), "
               + "splitByChar('&', '${%s:customqueryparam:is}')))" % name,

  // SQL: whether `column` is one of what is selected.
  selects(name, column):: '(empty(%(list)s) OR has(%(list)s, %(column)s))' % { list: $.list(name), column: column },

  // SQL: whether `column` is an agent that the ledger knows, or none. Where there is no room for all, these come first:
  // anybody can make up names by the thousand.
  known(column):: "(%(column)s = '' OR %(column)s IN (SELECT agent_name FROM holdpoint_ledger WHERE type = 'requested' "
                  % { column: column } + "AND at BETWEEN $__fromTime_ms - INTERVAL 30 DAY AND $__toTime_ms))",

  // SQL: String of a text box.
  word(name):: "decodeURLComponent('${%s:percentencode}')" % name,

  // SQL: the ends of the time range, for the views that take them: literals, milliseconds since the epoch.
  between:: 'from_ms = ${__from}, to_ms = ${__to}',

  // The time zone that the dashboard is shown in, by a name that ClickHouse knows.
  zone:: "if(lower('${__timezone:percentencode}') = 'utc', 'UTC', decodeURLComponent('${__timezone:percentencode}'))",

  // A query of src/store/queries with this dashboard's variables in the place of its parameters.
  bind(sql, parameters)::
    local times = {
      [name + ':' + type]: { fromMs: '${__from}', toMs: '${__to}' }[name]
      for name in ['fromMs', 'toMs']
      for type in ['UInt64', 'Int64']
    };
    // A dashboard has no pages to turn: from the newest row on.
    local first = { [name + ':String']: "''" for name in ['afterTrace', 'afterSpan', 'afterTie'] };
    local all = times + first + parameters;
    std.foldl(
      function(text, parameter) std.strReplace(text, '{%s}' % parameter, all[parameter]),
      std.objectFields(all),
      sql
    ),
}
