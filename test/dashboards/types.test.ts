import { expect, test } from 'vitest'
import { generateDashboards } from '../support/grafana/generate.ts'
import { typecheck } from '../support/grafana/typecheck.ts'

type Json = Record<string, unknown>

const { files } = generateDashboards()
const dashboards = Object.fromEntries(
  Object.entries(files).filter(([, content]) => 'panels' in (content as Json)),
) as Record<string, Json>

const changed = (change: (dashboard: Json) => void): Json => {
  const copy = structuredClone(dashboards['violations.json']) as Json
  change(copy)
  return copy
}
const panel = (dashboard: Json, type: string): Json =>
  (dashboard.panels as Json[]).find((one) => one.type === type) as Json

const broken: Record<string, Json> = {
  'a dashboard without an uid': changed((one) => delete one.uid),
  'a schema version in words': changed((one) => (one.schemaVersion = 'v41')),
  'a member that Grafana does not know': changed((one) => (one.colour = 'red')),
  'a panel of a kind that is not used here': changed((one) => (panel(one, 'table').type = 'tabel')),
  'a panel without a description': changed((one) => delete panel(one, 'stat').description),
  'an option of another panel': changed((one) => (panel(one, 'stat').options = { showHeader: true })),
  'an option with a wrong word': changed(
    (one) => ((panel(one, 'stat').options as Json).colorMode = 'colourful'),
  ),
  'a cell of a wrong kind': changed((one) => {
    const { defaults } = panel(one, 'table').fieldConfig as { defaults: { custom: Json } }
    defaults.custom.align = 'middle'
  }),
  'a place in the grid without a width': changed(
    (one) => delete (panel(one, 'table').gridPos as { w?: number }).w,
  ),
  'a query for version 3 of the plugin': changed(
    (one) => (((panel(one, 'table').targets as Json[])[0] as Json).pluginVersion = '3.3.0'),
  ),
  'a query in a format that there is not': changed(
    (one) => (((panel(one, 'table').targets as Json[])[0] as Json).format = 4),
  ),
  'a variable of a wrong kind': changed((one) => {
    const { list } = one.templating as { list: Json[] }
    ;(list[0] as Json).type = 'data source'
  }),
  'an annotation without a colour': changed((one) => {
    const { list } = one.annotations as { list: Json[] }
    delete (list[0] as Json).iconColor
  }),
}

// One run of the compiler for all of them.
const errors = typecheck({ ...dashboards, ...broken })

test('dashboards - each is of the types that Grafana 13.2 has for it', () => {
  expect(Object.keys(dashboards).length).toBeGreaterThan(3)
  for (const name of Object.keys(dashboards)) expect([name, errors[name]]).toEqual([name, []])
})

test.for(Object.keys(broken))('dashboards - refused by the types: %s', (name) => {
  expect(errors[name]?.join('\n')).toMatch(/error TS\d+/)
})
