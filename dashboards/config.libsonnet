// What all dashboards have in common: versions that the output is made for, and where things are.
{
  // Grafana 12.0's; later ones, 13 among them, bring it up to their own when they read it.
  schemaVersion: 41,

  // The variable `datasource`: whoever imports a dashboard says which ClickHouse it reads.
  datasource: { type: 'grafana-clickhouse-datasource', uid: '${datasource}' },
  // Without a version of 4 or later, the plugin takes a query for one of version 3 and rewrites it.
  pluginVersion: '4.20.0',

  // Of the console, until provisioning or a person says otherwise; without a slash at its end.
  console: 'http://localhost:7070',

  tags: ['holdpoint'],
  range: { from: 'now-7d', to: 'now' },

  uids: {
    whoActed: 'holdpoint-who-acted',
    action: 'holdpoint-action',
    approvals: 'holdpoint-approvals',
    agents: 'holdpoint-agents',
    violations: 'holdpoint-violations',
    itself: 'holdpoint-itself',
  },
}
