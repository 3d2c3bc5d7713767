import { describe, expect, test } from 'vitest'
import { generateDashboards } from '../support/grafana/generate.ts'
import { type Provisioning, provisioningProblems, readProvisioning } from '../support/grafana/provisioning.ts'

const boards = generateDashboards().files
const problemsOf = (spoil: (files: Provisioning) => void = () => {}): string[] => {
  const provisioning = readProvisioning()
  spoil(provisioning)
  return provisioningProblems(provisioning, boards)
}

test('provisioning - datasource, dashboards, alerts, variables and versions fit together', () => {
  expect(problemsOf()).toEqual([])
})

describe('provisioning - refused:', () => {
  type File = keyof Provisioning['files'] | 'alerts' | 'page'
  const cases: [what: string, file: File, from: string | RegExp, to: string, problem: RegExp][] = [
    [
      'a folder of dashboards that is not there',
      'compose.yaml',
      '../../dashboards/out:',
      '../../dashboards/made:',
      /dashboards\/made: is not there/,
    ],
    [
      'dashboards that are looked for elsewhere',
      'dashboards.yaml',
      'path: /etc/holdpoint/dashboards',
      'path: /etc/dashboards',
      /nothing is mounted where dashboards are looked for/,
    ],
    [
      'a folder without the dashboards',
      'compose.yaml',
      '../../dashboards/out:/etc/holdpoint',
      '../../docs:/etc/holdpoint',
      /violations\.json: is generated, and not in/,
    ],
    [
      'alerts that are not mounted',
      'compose.yaml',
      /^.*alerts\.yaml:.*\n/m,
      '',
      /alerts\.yaml: is not mounted/,
    ],
    [
      'alerts where Grafana looks for datasources',
      'compose.yaml',
      'alerting/holdpoint-alerts',
      'datasources/alerts',
      /alerts\.yaml: is not mounted/,
    ],
    [
      'two files in one place',
      'compose.yaml',
      'holdpoint-contact-points.yaml:ro',
      'holdpoint-alerts.yaml:ro',
      /two mounts go there/,
    ],
    [
      'a datasource by another id than the alerts’',
      'datasources.yaml',
      'uid: holdpoint-clickhouse',
      'uid: clickhouse',
      /asks holdpoint-clickhouse, which nobody provisions/,
    ],
    [
      'another plugin',
      'datasources.yaml',
      'type: grafana-clickhouse-datasource',
      'type: vertamedia-clickhouse-datasource',
      /another plugin/,
    ],
    [
      'a password that is written down',
      'datasources.yaml',
      `password: \${CLICKHOUSE_PASSWORD}`,
      'password: s3cret',
      /the password is written down/,
    ],
    [
      'an older plugin than the dashboards’',
      'compose.yaml',
      'datasource@4.20.0',
      'datasource@4.8.2',
      /made for plugin 4\.20\.0, and 4\.8\.2 is installed/,
    ],
    [
      'a variable that nobody hands on',
      'datasources.yaml',
      `\${CLICKHOUSE_HOST}`,
      `\${CLICKHOUSE_SERVER}`,
      /CLICKHOUSE_SERVER: compose\.yaml does not hand it on/,
    ],
    [
      'a variable that nothing uses',
      'compose.yaml',
      'CLICKHOUSE_HOST: ',
      'CLICKHOUSE_REPLICA: ',
      /CLICKHOUSE_REPLICA: nothing uses it/,
    ],
    [
      'a variable that nobody explains',
      'page',
      '| `CLICKHOUSE_SECURE` |',
      '|',
      /CLICKHOUSE_SECURE: docs\/grafana\.md does not explain it/,
    ],
    [
      'a title that Grafana would expand',
      'alerts',
      'title: Approvals wait too long',
      'title: Approvals wait $LONG',
      /would be expanded/,
    ],
    [
      'an annotation that Grafana would expand',
      'alerts',
      'summary: "{{ $labels.agent }}',
      `summary: "\${agent}`,
      /would be expanded/,
    ],
    [
      'a notification policy, which would replace all of a house’s own',
      'contact-points.yaml',
      'apiVersion: 1',
      'apiVersion: 1\npolicies: []',
      /policies changes whom a house notifies/,
    ],
  ]

  test.each(cases)('%s', (_, file, from, to, problem) => {
    const problems = problemsOf((provisioning) => {
      const [holder, key] = (
        file === 'alerts' || file === 'page' ? [provisioning, file] : [provisioning.files, file]
      ) as [Record<string, string>, string]
      const before = holder[key] ?? ''
      holder[key] = before.replace(from, to)
      expect(holder[key], 'the case changes nothing').not.toBe(before)
    })
    expect(problems.join('\n')).toMatch(problem)
  })
})
