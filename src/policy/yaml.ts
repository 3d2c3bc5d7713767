import { type Document, isAlias, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import type { Path } from '#contract'
import type { Place } from './policy.ts'
import { find, offsetInside, startOf } from './yaml-place.ts'

export interface YamlSource {
  value: unknown
  problems: (Place & { message: string })[]
  /** Of the value at this path, or of the nearest value above it. */
  valueAt(path: Path): Place
  /** Of the key that leads to this path. */
  keyAt(path: Path): Place
  /** Of a character inside the text at this path, counted in UTF-16 units of the text's value. */
  insideText(path: Path, offset: number): Place
}

/** Far above any real policy; it bounds what a parser is given. */
export const MAX_SOURCE_LENGTH = 500_000
/** A policy is five levels deep. */
const MAX_FLOW_DEPTH = 32

/**
 * Reads one YAML 1.2 document without what lets two readers see two documents, or a short one grow into a huge
 * one: anchors, aliases, merge keys, tags, directives, duplicate keys and a second document are all refused.
 */
export function readYaml(source: string): YamlSource {
  if (source.length > MAX_SOURCE_LENGTH)
    return unread(`${source.length} characters, expected at most ${MAX_SOURCE_LENGTH}`)
  if (!source.isWellFormed()) return unread('a lone surrogate, expected well-formed Unicode')
  const lines = new LineCounter()
  let document: Document
  try {
    document = parseDocument(source, {
      version: '1.2',
      schema: 'core',
      merge: false,
      resolveKnownTags: false,
      uniqueKeys: true,
      stringKeys: true,
      strict: true,
      prettyErrors: false,
      // 'silent' would also pass over a second document.
      logLevel: 'error',
      lineCounter: lines,
    }) as Document
  } catch {
    // The parser recurses: a source of nothing but brackets ends its stack.
    return unread(`nesting that cannot be followed, expected at most ${MAX_FLOW_DEPTH} levels`)
  }
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const problems = [...document.errors, ...document.warnings].map((error) => ({
    ...placeOf(error.pos[0]),
    message: `YAML: ${error.message}`,
  }))
  for (const { offset, message } of refused(document, source)) problems.push({ ...placeOf(offset), message })
  return {
    // Aliases are not expanded before they are refused.
    value: problems.length === 0 ? document.toJS({ maxAliasCount: 0 }) : undefined,
    problems,
    valueAt: (path) => placeOf(startOf(find(document, path).node)),
    keyAt: (path) => placeOf(startOf(find(document, path).key)),
    insideText: (path, offset) => {
      const { node } = find(document, path)
      return placeOf(isScalar(node) ? offsetInside(source, node, offset) : startOf(node))
    },
  }
}

function unread(message: string): YamlSource {
  const start = { line: 1, column: 1 }
  return {
    value: undefined,
    problems: [{ ...start, message }],
    valueAt: () => start,
    keyAt: () => start,
    insideText: () => start,
  }
}

function refused(document: Document, source: string): { offset: number; message: string }[] {
  const found: { offset: number; message: string }[] = []
  const refuse = (offset: number, what: string) =>
    found.push({ offset, message: `YAML: ${what}, expected plain mappings, lists and values` })
  if (document.directives?.yaml.explicit || Object.keys(document.directives?.tags ?? {}).length > 1)
    refuse(Math.max(source.indexOf('%'), 0), 'a directive')
  visit(document, {
    Node(_key, node, path) {
      if (path.length > 2 * MAX_FLOW_DEPTH) {
        refuse(startOf(node), `nesting deeper than ${MAX_FLOW_DEPTH}`)
        return visit.BREAK
      }
      if (isAlias(node)) refuse(startOf(node), `the alias *${node.source}`)
      else {
        if (node.anchor !== undefined) refuse(startOf(node), `the anchor &${node.anchor}`)
        if (node.tag !== undefined) refuse(startOf(node), `the tag ${node.tag}`)
      }
      return undefined
    },
    Pair(_key, pair) {
      if (isScalar(pair.key) && pair.key.value === '<<') refuse(startOf(pair.key), 'a merge key')
    },
  })
  return found
}
