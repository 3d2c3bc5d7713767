// What a house changes about its alerts. Afterwards: `npm run generate`, and give Grafana the new file.
{
  // Where docs/runbooks can be read by whoever is woken: the name of a page and `.md` are put behind it.
  runbooks: 'https://holdpoint.dev/docs/runbooks/',

  folder: 'Holdpoint',
  // Of deploy/grafana/datasources.yaml: an alert has no variable that could name it.
  datasourceUid: 'holdpoint-clickhouse',

  // How far an alert looks back, and so how long it stands at least. Long enough for a verdict or an entry that
  // reached ClickHouse late; what comes later than this is `ledger-behind` and `pipeline-lag`, which fire before.
  windowSeconds: 3600,

  // One request for so long, or so many of one rule that have used up this part of their time.
  waiting: { minutes: 120, requests: 3, shareOfTime: 0.5 },
  expiry: { share: 0.3, decisionsAtLeast: 5 },
  instant: { reviewMs: 3000, approvalsAtLeast: 5 },
  // What takes data out of the house, and when nobody is expected to do so.
  night: { timeZone: 'UTC', fromHour: 22, toHour: 6, names: '(?i)(export|download|dump|unload|backup)' },
  ledger: { entries: 0, minutes: 20 },
  lag: { seconds: 120, minutes: 10 },
  // Within which every process of Holdpoint says something of itself: more than twice its export interval.
  reportingMinutes: 10,
}
