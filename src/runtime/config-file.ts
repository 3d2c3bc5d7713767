import { isMap, isNode, LineCounter, parseDocument, Scalar } from 'yaml'

/** A YAML file whose every key can be traced back to its line and column. */
export interface ConfigFile {
  readonly name: string
  /** What is wrong with the YAML itself. */
  readonly problems: string[]
  get(key: readonly (string | number)[]): unknown
  isMapping(key: readonly (string | number)[]): boolean
  /** The names in the mapping at `key`. */
  keys(key: readonly (string | number)[]): string[]
  /** `file:line:column` of the key, or of the nearest thing around it. */
  place(key: readonly (string | number)[]): string
}

export function openConfigFile(name: string, source: string): ConfigFile {
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines, prettyErrors: false })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${name}:${line}:${col}`
  }
  const node = (key: readonly (string | number)[]) =>
    key.length === 0 ? document.contents : document.getIn(key, true)

  const problems = [...document.errors, ...document.warnings].map(
    (error) => `${at(error.pos[0])}: ${error.message}`,
  )
  const { contents } = document
  if (
    contents !== null &&
    !isMap(contents) &&
    problems.length === 0 &&
    !(contents instanceof Scalar && contents.value === null)
  )
    problems.push(`${at(contents.range?.[0] ?? 0)}: the file must hold a mapping of keys`)

  return {
    name,
    problems,
    get(key) {
      const found = node(key)
      return isNode(found) ? found.toJS(document, { maxAliasCount: 100 }) : found
    },
    isMapping: (key) => isMap(node(key)),
    keys(key) {
      const found = node(key)
      return isMap(found) ? found.items.map((pair) => String(pair.key)) : []
    },
    place(key) {
      for (let length = key.length; length > 0; length--) {
        const parent = node(key.slice(0, length - 1))
        const name = key[length - 1]
        const pair = isMap(parent)
          ? parent.items.find((item) => String(item.key) === String(name))
          : undefined
        const target = pair?.key ?? node(key.slice(0, length))
        if (isNode(target) && target.range) return at(target.range[0])
      }
      return at(0)
    },
  }
}
