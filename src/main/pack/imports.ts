import { readFileSync } from 'node:fs'
import { parseAst } from 'vitest/node'
import { HoldpointError } from '#contract'

interface Node {
  type: string
  [key: string]: unknown
}

/** Every specifier that these files import, of code and of declarations. Throws INTERNAL where one is computed. */
export function importsOf(files: readonly string[]): Set<string> {
  const found = new Set<string>()
  for (const file of files)
    walk(
      parseAst(readFileSync(file, 'utf8'), { lang: 'ts', sourceType: 'module' }) as unknown as Node,
      (node) => {
        if (!IMPORTS.has(node.type) || !node.source) return
        const { value } = node.source as { value?: unknown }
        if (typeof value !== 'string')
          throw new HoldpointError(
            'INTERNAL',
            `${file} imports something computed: nobody can say what it needs`,
          )
        found.add(value)
      },
    )
  return found
}

const IMPORTS = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
])

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node)
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value])
      if (typeof child === 'object' && child !== null && typeof (child as Node).type === 'string')
        walk(child as Node, visit)
}

/** `@bufbuild/protobuf/wire` → `@bufbuild/protobuf`; nothing for Node's own modules, doors and files. */
export function packageIn(specifier: string): string[] {
  if (/^(node:|[#./])/.test(specifier)) return []
  return [specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')]
}
