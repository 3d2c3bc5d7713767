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

  // SQL: text out of an account, as a label. It becomes part of messages in chats, and each other text is another
  // alert. What would call people there or set type is left out.
  told(column):
    local plain = "replaceRegexpAll(%s, '[^\\\\p{L}\\\\p{N} ._:/@#-]', '?')" % column;
    "substringUTF8(replaceRegexpAll(%s, '(^|[^\\\\p{L}\\\\p{N}])@', '\\\\1?'), 1, 80)" % plain,
  // SQL: the same of a span, whose words are those of whoever is under suspicion: they lead nowhere, either.
  said(column): "replaceAll(%s, '//', '??')" % $.told(column),

  // SQL: as many alerts as somebody can read.
  atMost: 'LIMIT 20',

  // SQL: the same of what agents say of themselves: `found` has agent, action, environment, spans, first. Whoever makes
  // up actions gets three alerts, and an agent that the ledger knows, or that has no name, comes before any made-up one:
  // hence noise hides nobody else. What is left over is an alert as well.
  fair(found, with=''): |||
    WITH
      %(with)sfound AS (
        %(found)s
      ),
      known AS (
        SELECT DISTINCT %(agent)s FROM holdpoint_ledger
        WHERE type = 'requested' AND at BETWEEN $__toTime_ms - INTERVAL 30 DAY AND $__toTime_ms
      ),
      turns AS (
        SELECT
          *,
          row_number() OVER (PARTITION BY agent ORDER BY first, action, environment) AS turn,
          turn > 3 AS is_noise,
          agent = '' OR agent IN (known) AS is_known
        FROM found
      ),
      places AS (
        SELECT
          *,
          is_noise OR row_number() OVER (ORDER BY is_noise, is_known DESC, turn, first, agent, action, environment) >= 20
            AS is_other
        FROM turns
      )
    SELECT
      if(p.is_other, 'others', p.agent) AS agent,
      if(p.is_other, 'further actions', p.action) AS action,
      if(p.is_other, 'any', p.environment) AS environment,
      sum(p.spans) AS spans
    FROM places AS p
    GROUP BY 1, 2, 3
    ORDER BY min(p.first), 1, 2, 3
  ||| % { with: with, found: std.strReplace(std.rstripChars(found, '\n'), '\n', '\n    '), agent: $.said('agent_name') },
}
