import { parseAst } from 'vitest/node'

export interface Import {
  /** `undefined` where it is computed and cannot be known. */
  specifier: string | undefined
  /** Gone at run time. */
  typeOnly: boolean
  line: number
}

export interface Scan {
  imports: Import[]
  /** `process.exit`, `console.log` … as written, whatever way the object was come by. */
  members: { name: string; line: number }[]
  defaultExports: number[]
}

interface Node {
  type: string
  start: number
  [key: string]: unknown
}

/** Reads a TypeScript source by the same parser that runs the tests; comments and strings cannot fool it. */
export function scan(source: string): Scan {
  const found: Scan = { imports: [], members: [], defaultExports: [] }
  const lineOf = (node: Node) => source.slice(0, node.start).split('\n').length
  walk(parseAst(source, { lang: 'ts', sourceType: 'module' }) as unknown as Node, (node) => {
    const line = lineOf(node)
    const add = (from: unknown, typeOnly: boolean) =>
      found.imports.push({ specifier: literal(from), typeOnly, line })
    switch (node.type) {
      case 'ImportDeclaration':
        return add(node.source, node.importKind === 'type')
      case 'ExportAllDeclaration':
        return add(node.source, node.exportKind === 'type')
      case 'ExportNamedDeclaration':
        if (node.source) add(node.source, node.exportKind === 'type')
        if (exportsDefault(node)) found.defaultExports.push(line)
        return
      case 'ExportDefaultDeclaration':
        return found.defaultExports.push(line)
      case 'ImportExpression':
        return add(node.source, false)
      case 'TSImportType':
        return add(node.source, true)
      case 'TSExternalModuleReference':
        return add(node.expression, false)
      case 'CallExpression':
        if (isRequire(node.callee as Node)) add((node.arguments as Node[])[0], false)
        return
      case 'MemberExpression':
        return found.members.push({ name: memberName(node), line })
    }
  })
  return found
}

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node)
  for (const value of Object.values(node))
    for (const child of Array.isArray(value) ? value : [value])
      if (typeof child === 'object' && child !== null && typeof (child as Node).type === 'string')
        walk(child as Node, visit)
}

function literal(node: unknown): string | undefined {
  const { type, value, quasis } = (node ?? {}) as {
    type?: string
    value?: unknown
    quasis?: { value: { cooked: string } }[]
  }
  if (type === 'Literal' && typeof value === 'string') return value
  return type === 'TemplateLiteral' && quasis?.length === 1 ? quasis[0]?.value.cooked : undefined
}

const exportsDefault = (node: Node): boolean =>
  (node.specifiers as { exported: { name?: string; value?: string } }[]).some(
    ({ exported }) => (exported.name ?? exported.value) === 'default',
  )

const isRequire = (callee: Node): boolean =>
  (callee.type === 'Identifier' && callee.name === 'require') ||
  (callee.type === 'MemberExpression' && memberName(callee) === 'require.resolve')

function memberName({ object, property, computed }: Node): string {
  const owner = object as Node
  const left = owner.type === 'MemberExpression' ? memberName(owner) : String(owner.name ?? '')
  const right = computed ? literal(property) : (property as Node).name
  return `${left.replace(/^globalThis\./, '')}.${right ?? ''}`
}
