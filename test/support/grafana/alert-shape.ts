import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { AlertsFile, Rule } from './alerts.ts'

const root = resolve(import.meta.dirname, '../../..')

/** What of the dashboards an alert leads to. */
export type Boards = Record<string, { uid: string; panels: { id: number }[] }>

/** What Grafana's file provisioning would refuse or misread, and what somebody would miss at night. */
export function alertProblems({ apiVersion, groups }: AlertsFile, boards: Boards): string[] {
  const rules = groups.flatMap((group) => group.rules)
  return [
    ...(apiVersion === 1 ? [] : [`apiVersion ${apiVersion}: expected 1`]),
    ...repeated(groups.map(({ name }) => name)).map((name) => `group ${name}: two have that name`),
    ...repeated(rules.map(({ uid }) => uid)).map((uid) => `${uid}: two rules have that uid`),
    ...repeated(rules.map(({ title }) => title)).map((title) => `${title}: two rules have that title`),
    ...groups
      .filter(
        ({ orgId, folder, interval }) => orgId !== 1 || folder.trim() === '' || !DURATION.test(interval),
      )
      .map(({ name }) => `group ${name}: expected an organisation, a folder and an interval`),
    ...rules.flatMap((rule) =>
      [
        ...fieldProblems(rule),
        ...queryProblems(rule),
        ...placeProblems(rule, boards),
        ...wordProblems(rule),
      ].map((problem) => `${rule.uid}: ${problem}`),
    ),
  ]
}

const DURATION = /^\d+[smh]$/
/** Of Grafana's alert rules; KeepLast would go on being quiet. */
const NO_DATA = ['OK', 'NoData', 'Alerting']
const FAILED = ['Error', 'Alerting']
const FIELDS = [
  'annotations',
  'condition',
  'dashboardUid',
  'data',
  'execErrState',
  'for',
  'isPaused',
  'labels',
  'noDataState',
  'panelId',
  'title',
  'uid',
]

const repeated = (values: readonly string[]): string[] => [
  ...new Set(values.filter((value, at) => values.indexOf(value) !== at)),
]

const fieldProblems = (rule: Rule): string[] => [
  ...Object.keys(rule)
    .filter((field) => !FIELDS.includes(field))
    .map((field) => `Grafana knows no field ${field}`),
  ...(/^[a-zA-Z0-9_-]{1,40}$/.test(rule.uid) ? [] : ['a uid has at most 40 letters, digits, - and _']),
  ...(rule.title.trim() === '' || rule.title.length > 190 ? ['a title has 1 to 190 characters'] : []),
  ...(DURATION.test(rule.for) ? [] : [`for ${rule.for}: expected a duration`]),
  ...(NO_DATA.includes(rule.noDataState)
    ? []
    : [`noDataState ${rule.noDataState}: expected ${NO_DATA.join(', ')}`]),
  ...(FAILED.includes(rule.execErrState)
    ? []
    : [`execErrState ${rule.execErrState}: a query that fails must not go quiet`]),
  ...(['critical', 'warning'].includes(rule.labels.severity ?? '') ? [] : ['severity: critical or warning']),
]

function queryProblems({ condition, data }: Rule): string[] {
  const [query, threshold] = data
  if (query === undefined || threshold === undefined || data.length !== 2)
    return ['expected a query, and a threshold on it']
  const { model: asked, relativeTimeRange } = query
  const { model: bound } = threshold
  const isOnIt =
    'type' in bound &&
    bound.type === 'threshold' &&
    bound.expression === query.refId &&
    bound.conditions.length === 1 &&
    bound.conditions[0]?.evaluator.type === 'gt' &&
    Number.isFinite(bound.conditions[0]?.evaluator.params[0])
  const {
    rawSql = '',
    format,
    editorType,
    pluginVersion = '',
  } = asked as unknown as Record<string, string | number>
  return [
    ...(condition === threshold.refId && query.refId !== threshold.refId
      ? []
      : ['its condition is not the threshold']),
    ...(isOnIt ? [] : ['the threshold is not on the query']),
    ...(threshold.datasourceUid === '__expr__' ? [] : ['an expression asks __expr__']),
    ...[query, threshold]
      .filter(({ refId, model }) => (model as { refId?: string }).refId !== refId)
      .map(({ refId }) => `${refId}: its model has another refId`),
    ...(format === 1 && editorType === 'sql' ? [] : ['expected SQL that gives a table']),
    // The plugin takes a query without it for one of version 3, and rewrites it.
    ...(/^4\./.test(String(pluginVersion)) ? [] : ['expected the plugin’s version']),
    ...(relativeTimeRange.from > relativeTimeRange.to && relativeTimeRange.to === 0
      ? []
      : ['looks at no time']),
    // Dashboards have variables; to an alert they are text.
    ...(/\$(?!__[a-zA-Z])/.test(String(rawSql)) ? ['uses a variable, which an alert does not have'] : []),
    ...(/\$__/.test(String(rawSql)) ? [] : ['looks at all of time']),
  ]
}

function placeProblems({ dashboardUid, panelId, annotations }: Rule, boards: Boards): string[] {
  const board = Object.values(boards).find(({ uid }) => uid === dashboardUid)
  return [
    ...(board === undefined ? [`dashboard ${dashboardUid}: there is none`] : []),
    ...(board?.panels.some(({ id }) => id === panelId) ? [] : [`panel ${panelId}: ${dashboardUid} has none`]),
    ...(annotations.__dashboardUid__ === dashboardUid && annotations.__panelId__ === String(panelId)
      ? []
      : ['notifications would lead to another panel']),
  ]
}

function wordProblems({ uid, annotations }: Rule): string[] {
  const name = uid.replace(/^holdpoint-/, '')
  return [
    ...['summary', 'description', 'measures']
      .filter((key) => (annotations[key] ?? '').length < 20)
      .map((key) => `${key}: says nothing`),
    ...(/\$values\.A/.test(annotations.summary + (annotations.description ?? '')) ||
    uid.endsWith('freeze-used')
      ? []
      : ['nobody is told the number']),
    ...(annotations.runbook_url?.endsWith(`/${name}.md`)
      ? []
      : [`runbook_url: expected the page ${name}.md`]),
    ...(existsSync(join(root, `docs/runbooks/${name}.md`)) ? [] : [`docs/runbooks/${name}.md is not there`]),
    ...(readFileSync(join(root, 'docs/alerts.md'), 'utf8').includes(`(runbooks/${name}.md)`)
      ? []
      : ['docs/alerts.md does not lead to its page']),
  ]
}
