import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import type { AlertsFile } from './alerts.ts'

const root = resolve(import.meta.dirname, '../../..')
const FOLDER = join(root, 'deploy/grafana')
const FILES = ['compose.yaml', 'contact-points.yaml', 'dashboards.yaml', 'datasources.yaml'] as const

/** Everything that a Grafana is started with, as texts, so that a test can spoil one of them. */
export interface Provisioning {
  files: Record<(typeof FILES)[number], string>
  alerts: string
  /** docs/grafana.md */
  page: string
}

export const readProvisioning = (): Provisioning => ({
  files: Object.fromEntries(
    FILES.map((name) => [name, readFileSync(join(FOLDER, name), 'utf8')]),
  ) as Provisioning['files'],
  alerts: readFileSync(join(root, 'dashboards/out/alerts.yaml'), 'utf8'),
  page: readFileSync(join(root, 'docs/grafana.md'), 'utf8'),
})

interface Compose {
  services: { grafana: { image: string; environment: Record<string, string>; volumes: string[] } }
}
interface Datasources {
  datasources: {
    uid: string
    type: string
    jsonData: { version: string }
    secureJsonData: Record<string, string>
  }[]
}
interface Providers {
  providers: { type: string; folder: string; options: { path: string } }[]
}

/** What does not fit together, a sentence each. `boards` are the generated dashboards, by file. */
export function provisioningProblems(
  { files, alerts, page }: Provisioning,
  boards: Record<string, unknown>,
): string[] {
  const compose = parse(files['compose.yaml']) as Compose
  const datasources = parse(files['datasources.yaml']) as Datasources
  const providers = parse(files['dashboards.yaml']) as Providers
  const rules = parse(alerts) as AlertsFile
  const mounts = mountsOf(compose)
  return [
    ...mountProblems(mounts),
    ...boardProblems(providers, mounts, boards),
    ...datasourceProblems(datasources, rules, boards),
    ...versionProblems(compose, datasources, boards),
    ...variableProblems(files, compose, page),
    ...expansionProblems(rules),
    ...contactProblems(files['contact-points.yaml']),
  ]
}

interface Mount {
  source: string
  target: string
}

const mountsOf = ({ services }: Compose): Mount[] =>
  services.grafana.volumes
    .filter((volume) => volume.startsWith('.'))
    .map((volume) => {
      const [source = '', target = ''] = volume.split(':')
      return { source: resolve(FOLDER, source), target }
    })

/** What stands where Grafana looks for which kind of file. */
const PLACES: Record<string, string> = {
  'datasources.yaml': '/etc/grafana/provisioning/datasources/',
  'dashboards.yaml': '/etc/grafana/provisioning/dashboards/',
  'contact-points.yaml': '/etc/grafana/provisioning/alerting/',
  'alerts.yaml': '/etc/grafana/provisioning/alerting/',
}

function mountProblems(mounts: Mount[]): string[] {
  const targets = mounts.map(({ target }) => target)
  return [
    ...mounts.filter(({ source }) => !existsSync(source)).map(({ source }) => `${source}: is not there`),
    ...targets
      .filter((target, at) => targets.indexOf(target) !== at)
      .map((target) => `${target}: two mounts go there`),
    ...Object.entries(PLACES)
      .filter(
        ([name, place]) =>
          !mounts.some(({ source, target }) => source.endsWith(`/${name}`) && target.startsWith(place)),
      )
      .map(([name, place]) => `${name}: is not mounted below ${place}`),
  ]
}

function boardProblems({ providers }: Providers, mounts: Mount[], boards: Record<string, unknown>): string[] {
  const mounted = mounts.find(({ target }) => target === providers[0]?.options.path)?.source
  if (mounted === undefined)
    return [`${providers[0]?.options.path}: nothing is mounted where dashboards are looked for`]
  const there = existsSync(mounted) ? readdirSync(mounted).filter((name) => name.endsWith('.json')) : []
  return [
    ...Object.keys(boards)
      .filter((name) => !there.includes(name))
      .map((name) => `${name}: is generated, and not in ${mounted}`),
    // Grafana takes every .json there for a dashboard.
    ...there.filter((name) => !(name in boards)).map((name) => `${name}: is in ${mounted}, and no dashboard`),
  ]
}

function datasourceProblems(
  { datasources }: Datasources,
  rules: AlertsFile,
  boards: Record<string, unknown>,
): string[] {
  const [ours] = datasources
  const asked = rules.groups.flatMap(({ rules }) =>
    rules.flatMap(({ uid, data }) => data.map(({ datasourceUid }) => ({ uid, datasourceUid }))),
  )
  const types = [...JSON.stringify(boards).matchAll(/"type":"([^"]+)","uid":"\$\{datasource\}"/g)]
  return [
    ...asked
      .filter(({ datasourceUid }) => ![ours?.uid, '__expr__'].includes(datasourceUid))
      .map(({ uid, datasourceUid }) => `${uid}: asks ${datasourceUid}, which nobody provisions`),
    ...(types.length === 0 ? ['no dashboard names the datasource variable'] : []),
    ...types
      .filter(([, type]) => type !== ours?.type)
      .map(([, type]) => `${type}: another plugin than ${ours?.type}`),
    ...(/^\$\{\w+\}$/.test(ours?.secureJsonData.password ?? '') ? [] : ['the password is written down']),
  ]
}

function versionProblems(
  { services }: Compose,
  { datasources }: Datasources,
  boards: Record<string, unknown>,
): string[] {
  const [, installed] =
    /^grafana-clickhouse-datasource@(\S+)$/.exec(
      services.grafana.environment.GF_PLUGINS_PREINSTALL_SYNC ?? '',
    ) ?? []
  const used = new Set(
    [...JSON.stringify(boards).matchAll(/"pluginVersion":"([^"]+)"/g)].map(([, one]) => one),
  )
  return [...used, datasources[0]?.jsonData.version]
    .filter((version) => version !== installed)
    .map((version) => `made for plugin ${version}, and ${installed} is installed`)
}

/** `$VAR` and `${VAR}`, as Grafana expands them; `${VAR:-preset}`, as Docker Compose does. */
const variablesIn = (text: string): string[] =>
  [...text.matchAll(/\$\{?([A-Z][A-Z0-9_]+)/g)].map(([, name = '']) => name)

function variableProblems(files: Provisioning['files'], { services }: Compose, page: string): string[] {
  const withoutComments = (text: string): string => text.replaceAll(/^\s*#.*$/gm, '')
  const provisioned = variablesIn(withoutComments(files['datasources.yaml'] + files['dashboards.yaml']))
  const given = Object.keys(services.grafana.environment)
  const named = [...new Set([...provisioned, ...variablesIn(withoutComments(files['compose.yaml']))])]
  return [
    ...provisioned
      .filter((name) => !given.includes(name))
      .map((name) => `${name}: compose.yaml does not hand it on`),
    ...given
      .filter((name) => !name.startsWith('GF_') && !provisioned.includes(name))
      .map((name) => `${name}: nothing uses it`),
    ...named
      .filter((name) => !page.includes(`| \`${name}\` |`))
      .map((name) => `${name}: docs/grafana.md does not explain it`),
  ]
}

/**
 * Grafana expands `$NAME` in titles, labels and ids of rules, and `${NAME}` in annotations too; in queries, nothing
 * (pkg/services/provisioning/alerting/rules_types.go). What is expanded to nothing is lost without a word.
 */
function expansionProblems({ groups }: AlertsFile): string[] {
  return groups.flatMap(({ name, folder, rules }) => [
    ...[name, folder].filter((text) => text.includes('$')).map((text) => `${text}: would be expanded`),
    ...rules.flatMap(({ uid, title, condition, labels, annotations }) => [
      ...[uid, title, condition, ...Object.values(labels)]
        .filter((text) => text.includes('$'))
        .map((text) => `${uid}: ${text} would be expanded`),
      ...Object.values(annotations)
        .filter((text) => text.includes('${'))
        .map((text) => `${uid}: ${text} would be expanded`),
    ]),
  ])
}

function contactProblems(text: string): string[] {
  const settings = parse(text) as Record<string, unknown>
  return Object.keys(settings)
    .filter((key) => key !== 'apiVersion')
    .map((key) => `contact-points.yaml: ${key} changes whom a house notifies`)
}
