import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { DASHBOARDS, evaluate } from './generate.ts'

/** A number with a bound, on the rows of the query before it: each row is an alert of its own. */
export interface Threshold {
  type: 'threshold'
  expression: string
  conditions: { evaluator: { type: 'gt'; params: number[] } }[]
}

export interface Rule {
  uid: string
  title: string
  condition: string
  data: {
    refId: string
    relativeTimeRange: { from: number; to: number }
    datasourceUid: string
    model: { rawSql: string } | Threshold
  }[]
  dashboardUid: string
  panelId: number
  noDataState: string
  execErrState: string
  for: string
  labels: Record<string, string>
  annotations: Record<string, string>
}

/** Of Grafana's file provisioning. */
export interface AlertsFile {
  apiVersion: number
  groups: { orgId: number; name: string; folder: string; interval: string; rules: Rule[] }[]
}

const HEADING = `# Holdpoint's alerts, for Grafana's file provisioning: docs/alerts.md. Made from dashboards/alerts by
# \`npm run generate\`.
`

let text: string | undefined

/** As it is committed. YAML, because Grafana takes every .json beside it for a dashboard. */
export function alertsText(): string {
  text ??=
    HEADING + stringify(JSON.parse(evaluate(join(DASHBOARDS, 'alerts/groups.libsonnet'))), { lineWidth: 0 })
  return text
}

export const readAlerts = (yaml: string = alertsText()): AlertsFile => parse(yaml) as AlertsFile
