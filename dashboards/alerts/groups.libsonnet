// What Grafana reads at its start: https://grafana.com/docs/grafana/latest/alerting/set-up/provision-alerting-resources/file-provisioning/
local approvals = import 'approvals.libsonnet';
local evidence = import 'evidence.libsonnet';
local itself = import 'itself.libsonnet';
local r = import 'rule.libsonnet';

{
  apiVersion: 1,
  groups: [
    r.group('Evidence', evidence),
    r.group('Approvals', approvals),
    r.group('Holdpoint itself', itself),
  ],
}
