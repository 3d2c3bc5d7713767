import { type Document, isMap, isNode, isScalar, isSeq, type Node } from 'yaml'
import type { Path } from '#contract'

/** The node at a path and the key that leads to it, or of the nearest one above where the path goes on. */
export function find(document: Document, path: Path): { key: Node | undefined; node: Node | undefined } {
  let node: Node | undefined = document.contents ?? undefined
  let key: Node | undefined = node
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && item.key.value === String(step))
      if (pair === undefined) break
      key = isNode(pair.key) ? pair.key : key
      node = isNode(pair.value) ? pair.value : key
    } else if (isSeq(node)) {
      const item = node.items[Number(step)]
      if (!isNode(item)) break
      key = item
      node = item
    } else break
  }
  return { key, node }
}

export const startOf = (node: unknown): number => (isNode(node) ? (node.range?.[0] ?? 0) : 0)

/** Exact where the value is written as it is; the start of the value where YAML folds or escapes it. */
export function offsetInside(source: string, node: Node, offset: number): number {
  const [start, end] = node.range ?? [0, 0]
  const written = source.slice(start, end)
  const value = isScalar(node) ? String(node.value) : ''
  if (written === value) return start + offset
  if (written.slice(1, -1) === value) return start + 1 + offset
  if (written.startsWith('|')) {
    const before = value.slice(0, offset).split('\n')
    const line = value.split('\n')[before.length - 1] ?? ''
    let lineStart = start
    for (let skipped = 0; skipped < before.length; skipped++) lineStart = source.indexOf('\n', lineStart) + 1
    const lineEnd = source.indexOf('\n', lineStart)
    const indent = source.slice(lineStart, lineEnd < 0 ? undefined : lineEnd).indexOf(line)
    return lineStart + Math.max(indent, 0) + (before.at(-1)?.length ?? 0)
  }
  return start
}
