// Builds the Collector of deploy/collector/builder.yaml and telemetrygen into the project's cache, with Go. The first
// time takes a minute or two; what is there already is left. Without Go it says so, and what needs them is skipped.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { BUILDER_FILE, collectorFolder, collectorVersion, PROGRAMS } from '../support/collector/programs.ts'

const say = (text: string): void => void process.stderr.write(`collector: ${text}\n`)

const folder = collectorFolder()
if (existsSync(folder)) say(`${collectorVersion()} is in ${folder}`)
else if (spawnSync('go', ['version']).status === 0) build()
else say('there is no Go (https://go.dev/dl) to build it with: what needs it is skipped')

function build(): void {
  const version = collectorVersion()
  const startedAtMs = Date.now()
  say(`building ${version} and telemetrygen with Go`)
  mkdirSync(dirname(folder), { recursive: true })
  const work = mkdtempSync(`${folder}.`)
  try {
    run(work, 'go', ['install', `go.opentelemetry.io/collector/cmd/builder@v${version}`])
    run(work, join(work, 'builder'), ['--config', BUILDER_FILE])
    run(work, 'go', [
      'install',
      '-ldflags=-s -w',
      `github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@v${version}`,
    ])
    const built = join(work, 'built')
    mkdirSync(built)
    renameSync(join(work, 'otelcol', 'otelcol'), join(built, PROGRAMS.collector))
    renameSync(join(work, 'telemetrygen'), join(built, PROGRAMS.telemetrygen))
    // At once: a folder that is there is whole, whoever else was building it.
    if (!existsSync(folder)) renameSync(built, folder)
    say(`built in ${Math.round((Date.now() - startedAtMs) / 1000)} s into ${folder}`)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

function run(cwd: string, program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(program, args, {
    cwd,
    // Without C, so that it runs on any machine with this system; `go install` puts programs beside the work.
    env: { ...process.env, GOBIN: cwd, CGO_ENABLED: '0' },
    stdio: ['ignore', 2, 2],
  })
  if (status === 0) return
  say(
    `${program} ${args.join(' ')} failed${error ? `: ${error.message}` : '; what it printed above says why'}`,
  )
  rmSync(cwd, { recursive: true, force: true })
  process.exit(1)
}
