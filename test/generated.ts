// Files that are made from the code and committed. Says which are out of date; `--write` makes them anew.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { configReference } from '#runtime'
import { alertsText } from './support/grafana/alerts.ts'
import { generateDashboards, printed } from './support/grafana/generate.ts'
import { panelsText } from './support/grafana/page.ts'
import {
  compatibilityPage,
  compatibilityTable,
  readSnapshot,
} from './support/instrumentation/compatibility.ts'
import { metricsPage } from './support/metrics/page.ts'

const root = resolve(import.meta.dirname, '..')

const generated: Record<string, () => string> = {
  'deploy/holdpoint.yaml': configReference,
  'docs/metrics.md': metricsPage,
  'docs/dashboards.md': () => between('docs/dashboards.md', 'panels', panelsText(generateDashboards())),
  'docs/compatibility.md': () => compatibilityPage(readSnapshot()),
  'src/main/pack/instrumentation.md': () =>
    between('src/main/pack/instrumentation.md', 'compatibility', compatibilityTable(readSnapshot())),
  'dashboards/out/alerts.yaml': alertsText,
  ...Object.fromEntries(
    Object.entries(generateDashboards().files).map(([name, content]) => [
      `dashboards/out/${name}`,
      () => printed(content),
    ]),
  ),
}

/** A file whose one section is generated: what stands between the two comments that name it. */
function between(file: string, name: string, text: string): string {
  const [start, end] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`]
  const whole = readFileSync(resolve(root, file), 'utf8')
  const [before, rest] = whole.split(start)
  const [, after] = rest?.split(end) ?? []
  if (after === undefined) throw new Error(`${file} has no section between ${start.trim()} and ${end.trim()}`)
  return `${before}${start}${text}${end}${after}`
}

const write = process.argv.includes('--write')

for (const [file, make] of Object.entries(generated)) {
  const path = resolve(root, file)
  const wanted = make()
  if (existsSync(path) && readFileSync(path, 'utf8') === wanted) continue
  if (write) writeFileSync(path, wanted)
  else process.exitCode = 1
  process.stderr.write(write ? `${file} made anew\n` : `${file} is out of date: npm run generate\n`)
}
