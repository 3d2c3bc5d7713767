import type { Connection } from './connection.ts'

/**
 * Functions that compute from their arguments alone. It is a list of what is allowed, so that a function of a
 * later engine is refused until somebody has looked: `file()`, `catboostEvaluate()`, `hasColumnInTable()` (it
 * connects to other servers) and the `ai…()` functions are ordinary functions without a grant of their own.
 */
const CATEGORIES = [
  'Aggregate Functions',
  'Arithmetic',
  'Arrays',
  'Bit',
  'Bitmap',
  'Comparison',
  'Conditional',
  'Dates and Times',
  'Distance',
  'Encoding',
  'Hash',
  'IP Address',
  'JSON',
  'Logical',
  'Map',
  'Mathematical',
  'Null',
  'Random Number',
  'Rounding',
  'String',
  'String Replacement',
  'String Search',
  'String Splitting',
  'Time Window',
  'Tuple',
  'Type Conversion',
  'URL',
  'UUID',
]

/** Out of the category `Other`, and what the parser writes into the tree by itself. */
const NAMED =
  `_CAST bar blockNumber byteSize caseWithExpression currentDatabase currentRoles currentUser displayName
  exists finalizeAggregation formatQuery formatQuerySingleLine formatReadableDecimalSize formatReadableQuantity
  formatReadableSize formatReadableTimeDelta getSubcolumn grouping hostName identity ignore indexHint
  initializeAggregation isConstant lambda materialize neighbor nested normalizeQuery normalizedQueryHash
  parseReadableSize parseTimeDelta revision rowNumberInAllBlocks rowNumberInBlock runningAccumulate
  runningDifference throwIf timezone toColumnTypeName toTypeName transform uptime variantElement variantType
  version visibleWidth`.split(/\s+/)

/** They take the name of a format, and some formats take the name of a file. */
const WITHHELD = ['formatRow', 'formatRowNoNewline', 'groupFormat', 'flameGraph']

const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'generate_series',
  'generateseries',
  'numbers',
  'numbers_mt',
  'primes',
  'values',
  'zeros',
  'zeros_mt',
])

/** Our own views take parameters, and are then called like functions; the engine has none of such a name. */
export const isTableFunction = (name: string): boolean =>
  TABLE_FUNCTIONS.has(name.toLowerCase()) || /^(\w+\.)?holdpoint_\w+$/.test(name)

const COMBINATORS =
  /(?:if|array|map|simplestate|state|merge|mergestate|foreach|distinct|ordefault|ornull|resample|argmin|argmax)$/

export interface Functions {
  /** May be called. Names are compared in lower case. */
  allowed(name: string): boolean
  /** Exists and may not be called: then not even its bare name may stand there, `arrayMap(file, …)` calls it. */
  forbidden(name: string): boolean
}

export async function readFunctions(connection: Connection): Promise<Functions> {
  const { bytes } = await connection.query(
    'SELECT name, alias_to, categories, is_aggregate, origin FROM system.functions',
    'JSONCompactEachRow',
  )
  const lines = Buffer.from(bytes).toString().trimEnd().split('\n')
  const rows = lines.map((line) => JSON.parse(line) as [string, string, string, number, string])
  const home = new Map(rows.map(([name, , categories]) => [name, categories]))
  const allowed = new Set(NAMED.map(lower))
  const aggregates = new Set<string>()
  const forbidden = new Set<string>()
  for (const [name, aliasTo, , isAggregate, origin] of rows) {
    const real = aliasTo || name
    const known = CATEGORIES.includes(home.get(real) ?? '') || NAMED.includes(real)
    const fine = origin === 'System' && known && !WITHHELD.includes(real)
    if (fine) allowed.add(lower(name))
    if (fine && isAggregate) aggregates.add(lower(name))
  }
  for (const [name] of rows) if (!allowed.has(lower(name))) forbidden.add(lower(name))
  return {
    allowed: (name) => allowed.has(lower(name)) || isCombined(lower(name), aggregates),
    forbidden: (name) => forbidden.has(lower(name)),
  }
}

/** `sumIf`, `uniqMergeIf`, `quantilesStateOrNull` … */
function isCombined(name: string, aggregates: ReadonlySet<string>): boolean {
  for (let rest = name; COMBINATORS.test(rest); ) {
    rest = rest.replace(COMBINATORS, '')
    if (aggregates.has(rest)) return true
  }
  return false
}

const lower = (text: string): string => text.toLowerCase()
