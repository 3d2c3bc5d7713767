import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { findNatsServer, METRICS_PORTS, readConfig } from '#runtime'
import { collectorVersion, findCollector } from './support/collector/programs.ts'
import { MEASURING } from './support/metrics/catalogue.ts'

const deploy = resolve(import.meta.dirname, '../deploy')
const filesOf = (folder: string): string[] => readdirSync(join(deploy, folder))

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'holdpoint-deploy-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

const collector = findCollector()?.collector ?? ''

describe.skipIf(collector === '')(`deploy/collector, by Collector ${collectorVersion()}`, () => {
  const configurations = filesOf('collector').filter((name) => name !== 'builder.yaml')

  const validate = (file: string, ...more: string[]) => {
    const over = more.flatMap((yaml) => ['--config', `yaml:${yaml}`])
    const { status, stderr } = spawnSync(collector, ['validate', '--config', file, ...over], {
      env: {},
      encoding: 'utf8',
    })
    return { status, stderr }
  }

  test('deploy - there is one Collector before and one behind Holdpoint', () => {
    expect(configurations).toEqual(['after.yaml', 'before.yaml'])
  })

  test.each(configurations)('deploy - %s is accepted as it is', (name) => {
    expect(validate(join(deploy, 'collector', name))).toEqual({ status: 0, stderr: '' })
  })

  test.each(configurations)('deploy - %s with a key that nobody knows is refused', (name) => {
    expect(validate(join(deploy, 'collector', name), 'receivers::otlp::protocols::htpp: 1').status).toBe(1)
  })

  test('deploy - the Collector that is tested is the one that builder.yaml names', () => {
    const { stdout } = spawnSync(collector, ['--version'], { encoding: 'utf8' })
    expect(stdout).toBe(`otelcol version ${collectorVersion()}\n`)
  })
})

describe('deploy/pipeline', () => {
  const read = (name: string) => readConfig({ cwd: dir, env: {}, file: join(deploy, 'pipeline', name) })

  test.each(filesOf('pipeline'))('deploy - %s is a configuration that Holdpoint takes', (name) => {
    const config = read(name)
    expect(config.clickhouse.url).toBe('https://clickhouse:8443')
    expect(config.pipeline.tls.cert).toBe('/etc/holdpoint/tls/tls.crt')
    expect(config.pipeline.tokens ?? config.pipeline.tls.clientCa).toMatch(/^\/etc\/holdpoint\//)
  })

  test('deploy - only the one between Collectors forwards, and to where the Collector behind it listens', () => {
    const after = readFileSync(join(deploy, 'collector/after.yaml'), 'utf8')
    const port = /HTTP_PORT:-(\d+)/.exec(after)?.[1]
    const urls = Object.fromEntries(
      filesOf('pipeline').map((name) => [name, read(name).pipeline.forward.url]),
    )
    expect(urls).toEqual({
      'alone.yaml': undefined,
      'behind-a-collector.yaml': undefined,
      'between-collectors.yaml': `https://otelcol-after:${port}`,
    })
  })

  test('deploy - a key that Holdpoint does not know is refused', () => {
    const file = join(dir, 'wrong.yaml')
    writeFileSync(
      file,
      readFileSync(join(deploy, 'pipeline/alone.yaml'), 'utf8').replace('clientCa:', 'clientCert:'),
    )
    expect(() => readConfig({ cwd: dir, env: {}, file })).toThrow(/pipeline\.tls\.clientCert/)
  })
})

describe('deploy/nats', () => {
  const check = (text: string) => {
    const file = join(dir, 'nats.conf')
    writeFileSync(file, text)
    return spawnSync(findNatsServer(), ['-t', '-c', file], { encoding: 'utf8' })
  }
  const conf = readFileSync(join(deploy, 'nats/jetstream.conf'), 'utf8')

  test('deploy - jetstream.conf is accepted by nats-server', () => {
    expect(check(conf)).toMatchObject({ status: 0 })
  })

  test('deploy - and would not be with a misspelt key', () => {
    expect(check(conf.replace('sync_interval', 'sync_intervall'))).toMatchObject({ status: 1 })
  })
})

describe('deploy/prometheus', () => {
  interface Job {
    job_name: string
    metrics_path: string
    scrape_interval: string
    static_configs: { targets: string[] }[]
  }
  const text = readFileSync(join(deploy, 'prometheus/prometheus.yml'), 'utf8')
  const { scrape_configs: jobs, ...rest } = parse(text) as { scrape_configs: Job[] }

  test('deploy - Prometheus has a job for each process that measures, where it listens by default', () => {
    expect(rest).toEqual({})
    const httpPort = readConfig({ cwd: dir, env: {} }).http.port
    const ports = { ...METRICS_PORTS, desk: httpPort }
    expect(jobs).toEqual(
      MEASURING.map((name) => ({
        job_name: `holdpoint-${name}`,
        metrics_path: '/metrics',
        scrape_interval: '15s',
        static_configs: [{ targets: [`${name}:${ports[name]}`] }],
      })),
    )
  })
})
