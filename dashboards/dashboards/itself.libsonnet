local config = import '../config.libsonnet';
local dashboard = import '../dashboard.libsonnet';
local panels = import '../panels.libsonnet';
local queries = import '../queries/itself.libsonnet';
local rows = import '../rows.libsonnet';

local size = panels.size;

dashboard(
  uid=config.uids.itself,
  title='Holdpoint itself',
  description='Whether broker, ledger, NATS and pipeline work, and whether what they know reaches ClickHouse.',
  rows=[
    rows.row(100, 'Pipeline', [
      panels.timeseries(1, queries.lag) + size(12, 7),
      panels.stat(2, queries.trouble) + size(12, 7),
      panels.timeseries(3, queries.items) + size(12, 8),
      panels.timeseries(4, queries.verdicts, stacked=true) + size(12, 8),
    ]),
    rows.row(101, 'Ledger', [
      panels.timeseries(7, queries.behind) + size(8, 7),
      panels.timeseries(8, queries.checkpointAge) + size(8, 7),
      panels.timeseries(9, queries.size) + size(8, 7),
      panels.table(10, queries.epochs) + size(24, 6),
    ]),
    rows.row(102, 'Broker', [
      panels.timeseries(11, queries.pending) + size(12, 7),
      panels.timeseries(12, queries.freezes) + size(12, 7),
      panels.timeseries(13, queries.calls) + size(12, 7),
      panels.timeseries(14, queries.callDuration) + size(12, 7),
      panels.table(15, queries.callsBy) + size(24, 8),
    ]),
    rows.row(103, 'NATS', [
      panels.timeseries(16, queries.rtt) + size(12, 7),
      panels.timeseries(17, queries.buffer) + size(12, 7),
    ]),
    rows.row(104, 'REST and console', [
      panels.timeseries(18, queries.requests) + size(12, 7),
      panels.timeseries(19, queries.requestDuration) + size(12, 7),
      panels.table(20, queries.requestsBy) + size(24, 8),
    ]),
  ],
)
