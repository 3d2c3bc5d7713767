import type { LoadFnOutput } from 'node:module'
import { parse } from 'es-module-lexer'

interface Wrapped {
  /** The wrapper's own URL. */
  wrapper: string
  /** That of the module. */
  url: string
  source: LoadFnOutput['source']
  format: string | null | undefined
  /** Names of exports that may be replaced, where the module has them. */
  replaced: readonly string[]
  /** URL of what exports `patchImported`. */
  imported: string
}

/**
 * The text of an ES module that stands for another, whose exports nobody can change. It exports the same, live; what is
 * replaced it exports by itself, which goes before `export *`. Throws for what is no code, or cannot be read.
 */
export function wrapperOf({ wrapper, url, source, format, replaced, imported }: Wrapped): string {
  const names = namesIn(url, source, format)
  const own = [...new Set(replaced)].filter((name) => names.has(name))
  return [
    `import * as module from ${JSON.stringify(url)}`,
    `import { patchImported } from ${JSON.stringify(imported)}`,
    `export * from ${JSON.stringify(url)}`,
    names.has('default') ? `export { default } from ${JSON.stringify(url)}` : '',
    `const exported = patchImported(${JSON.stringify(wrapper)}, module, ${JSON.stringify(own)})`,
    ...own.map((name) => `const $${name} = exported.${name}; export { $${name} as ${name} }`),
  ].join('\n')
}

/** What a module itself names as its exports; what it passes on by `export *`, the wrapper passes on as well. */
function namesIn(url: string, source: Wrapped['source'], format: Wrapped['format']): Set<string> {
  // Node finds its names, and makes its exports its default.
  if (format?.startsWith('commonjs')) return new Set(['default'])
  if (!format?.startsWith('module') || source === undefined || source === null)
    throw new Error(`holdpoint: ${url} cannot be put under the gate: it is ${format ?? 'of no known format'}`)
  const text = typeof source === 'string' ? source : new TextDecoder().decode(source)
  try {
    const [, exported] = parse(text)
    return new Set(exported.flatMap((one) => (one.type === 'reexport-all' || one.typeOnly ? [] : one.name)))
  } catch (cause) {
    throw new Error(`holdpoint: ${url} cannot be put under the gate: its exports cannot be read`, { cause })
  }
}
