// One alert rule of Grafana's file provisioning: a query (A) and a threshold on its one number (B). A table of texts
// and one number is an alert instance for each row, with the texts as labels: there is nothing to reduce.
local config = import '../config.libsonnet';
local settings = import 'settings.libsonnet';

local EXPRESSION = { type: '__expr__', uid: '__expr__' };

// What to do where the query answers nothing, and where it fails.
local states = {
  // Nothing found is good. A query that fails is not nothing found: Grafana fires DatasourceError, with our labels.
  finding: { noDataState: 'OK', execErrState: 'Error' },
  // Somebody always reports. Silence is what this alert is about, and so is a store that does not answer.
  reporting: { noDataState: 'Alerting', execErrState: 'Alerting' },
};

// The number of the panel that is titled so; generating fails where there is none any more.
local panelOf(dashboard, title) =
  local found = [panel.id for panel in dashboard.panels if panel.title == title];
  if std.length(found) == 1 then found[0]
  else error 'alerts: dashboard %s has %d panels titled %s' % [dashboard.uid, std.length(found), title];

{
  finding: states.finding,
  reporting: states.reporting,

  // `query`: of queries.libsonnet. Fires while its number is above `above`, for as long as `for_` says.
  rule(name, title, severity, query, above, states, shows, summary, description, for_='0s'): {
    local panel = panelOf(shows.dashboard, shows.panel),

    uid: 'holdpoint-' + name,
    title: title,
    condition: 'B',
    data: [
      {
        refId: 'A',
        relativeTimeRange: { from: settings.windowSeconds, to: 0 },
        datasourceUid: settings.datasourceUid,
        model: {
          refId: 'A',
          datasource: { type: config.datasource.type, uid: settings.datasourceUid },
          pluginVersion: config.pluginVersion,
          editorType: 'sql',
          format: 1,
          queryType: 'table',
          rawSql: query.rawSql,
        },
      },
      {
        refId: 'B',
        relativeTimeRange: { from: 0, to: 0 },
        datasourceUid: EXPRESSION.uid,
        model: {
          refId: 'B',
          datasource: EXPRESSION,
          type: 'threshold',
          expression: 'A',
          conditions: [{ evaluator: { type: 'gt', params: [above] } }],
        },
      },
    ],
    dashboardUid: shows.dashboard.uid,
    panelId: panel,
    noDataState: states.noDataState,
    execErrState: states.execErrState,
    'for': for_,
    labels: { severity: severity, product: 'holdpoint' },
    annotations: {
      summary: summary,
      description: description,
      // What the number is, in a notification of several of them.
      measures: query.description,
      runbook_url: settings.runbooks + name + '.md',
      // Notifications take their links from these two, not from the fields above.
      __dashboardUid__: shows.dashboard.uid,
      __panelId__: std.toString(panel),
    },
    isPaused: false,
  },

  group(name, rules): { orgId: 1, name: name, folder: settings.folder, interval: '1m', rules: rules },

  // SQL: text out of a span or an account, as a label. Whoever is under suspicion has written it: it becomes part of
  // messages in chats, and each other text is another alert.
  told(column): "substringUTF8(replaceRegexpAll(%s, '[^\\\\p{L}\\\\p{N} ._:/@#*-]', '?'), 1, 80)" % column,
  // SQL: as many alerts as somebody can read; who makes more of them by inventing names hides none of the first.
  atMost: 'LIMIT 20',
}
