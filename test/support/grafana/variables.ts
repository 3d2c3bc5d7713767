import type { Board } from './board.ts'

/** Grafana's own, that are used here. */
const BUILT_IN = ['__from', '__to', '__timezone', '__data', '__field', '__url_time_range']

/** Every variable is there once, is used, and nothing else is. */
export function variableProblems({ templating, panels, annotations, links }: Board): string[] {
  const names = templating.list.map(({ name }) => name)
  const used = new Set(referred([panels, annotations, links]))
  // A variable may be what another one needs, but not what it needs itself.
  for (const { name, ...rest } of templating.list)
    for (const other of referred([rest])) if (other !== name) used.add(other)
  return [
    ...names
      .filter((name, at) => names.indexOf(name) !== at)
      .map((name) => `variable ${name}: is there twice`),
    ...names.filter((name) => !used.has(name)).map((name) => `variable ${name}: is not used`),
    ...[...used]
      .filter((name) => !names.includes(name) && !BUILT_IN.includes(name))
      .map((name) => `variable ${name}: is used and not defined`),
  ]
}

/** Grafana knows three ways to write one; macros of the plugin begin with two underscores and are no variables. */
function referred(parts: readonly unknown[]): string[] {
  const text = JSON.stringify(parts)
  return [
    ...[...text.matchAll(/\$\{(\w+)[^}]*\}/g)].map(([, name = '']) => name),
    ...[...text.matchAll(/\$(?!__)(\w+)/g)].map(([, name = '']) => name),
    ...[...text.matchAll(/\[\[(\w+)[^\]]*\]\]/g)].map(([, name = '']) => name),
  ]
}
