import type { Span } from '../../otlp/span.ts'
import { PLAIN_KINDS, type PlainAction, type PlainKind } from './action.ts'
import { AWS_TELLING, readAws } from './aws.ts'
import { DB_TELLING, readDb } from './db.ts'
import { HTTP_TELLING, readHttp } from './http.ts'
import { readK8s } from './k8s.ts'
import { MCP_TELLING, readMcp } from './mcp.ts'

const READERS: Record<PlainKind, { read(span: Span): PlainAction[]; telling: readonly string[] }> = {
  aws: { read: readAws, telling: AWS_TELLING },
  db: { read: readDb, telling: DB_TELLING },
  k8s: { read: readK8s, telling: HTTP_TELLING },
  http: { read: readHttp, telling: HTTP_TELLING },
  mcp: { read: readMcp, telling: MCP_TELLING },
}

/** All that a span says was done, of the kinds that some rule names; mostly nothing. */
export const readPlainActions = (span: Span, isNamed: (kind: PlainKind) => boolean): PlainAction[] =>
  PLAIN_KINDS.filter(isNamed)
    .flatMap((kind) => READERS[kind].read(span))
    .map(bounded)

/** Longer than any name in a policy; every rule is tried on every name. */
const MAX_CHARS = 2_000
const MAX_NAMES = 8

function bounded(action: PlainAction): PlainAction {
  const { names, target } = action
  const cut = (text: string) => text.slice(0, MAX_CHARS)
  if (names.length <= MAX_NAMES && [...names, target ?? ''].every(({ length }) => length <= MAX_CHARS))
    return action
  const [first, ...others] = names.slice(0, MAX_NAMES).map(cut)
  const { target: _, ...rest } = action
  return { ...rest, names: [first as string, ...others], unsure: true }
}

/** How attributes begin that a span of these kinds cannot do without. */
export const tellingOf = (isNamed: (kind: PlainKind) => boolean): string[] => [
  ...new Set(PLAIN_KINDS.filter(isNamed).flatMap((kind) => READERS[kind].telling)),
]
