import type { Connection } from './connection.ts'
import { EngineError, fromNative, refuse } from './error.ts'
import { type Functions, isTableFunction } from './functions.ts'
import { quoteString } from './quote.ts'

/**
 * Refuses what a reader may not run. The engine's own parser answers, never a pattern over the text: how many
 * statements these are, whether they only read, and which functions and tables stand in the syntax tree.
 * Behind it stand the role's grants and `readonly`; this closes what those leave open: INTO OUTFILE, SET ROLE,
 * and functions such as `file()` for which the engine knows no grant.
 */
export async function assertReadOnly(connection: Connection, sql: string, rules: Rules): Promise<void> {
  const { statementCount, queryClass } = await connection.classify(sql)
  if (queryClass === 4) throw await explainSyntax(connection, sql)
  if (statementCount !== 1) throw refuse(62, `One statement at a time, not ${statementCount}.`)
  if (queryClass !== 0)
    throw refuse(
      164,
      'Only SELECT, WITH, SHOW, DESCRIBE, EXISTS and EXPLAIN may be run here, without INTO OUTFILE.',
    )
  const { bytes } = await connection.query(`EXPLAIN AST ${sql}`, 'TSVRaw')
  checkTree(Buffer.from(bytes).toString(), sql, rules)
}

/** For the engine's explanation the text goes in as a string: part of it might run otherwise. */
async function explainSyntax(connection: Connection, sql: string): Promise<EngineError> {
  const found = await connection.query(`SELECT formatQuery(${quoteString(sql)})`, 'Null').catch(fromNative)
  if (!(found instanceof EngineError)) return refuse(62, 'The statement cannot be understood.')
  const reason = /DB::Exception: (.*?)(?:: In scope SELECT formatQuery\(.*)?$/s.exec(found.message)?.[1]
  return refuse(62, reason ?? found.message)
}

export interface Rules {
  database: string
  functions: Functions
}

const ROOTS =
  /^(SelectWithUnionQuery|DescribeQuery|Exists\w+Query|ShowCreate(Table|View)Query|ShowTables|ShowColumns|Explain)$/

const NODES = new Set(
  `ArrayJoin Asterisk ColumnsExceptTransformer ColumnsListMatcher ColumnsRegexpMatcher ColumnsReplaceTransformer
  ColumnsReplaceTransformer::Replacement ColumnsTransformerList ExpressionList Function Identifier
  InterpolateElement Literal OrderByElement QualifiedAsterisk QualifiedColumnsListMatcher
  QualifiedColumnsRegexpMatcher SampleRatio SelectIntersectExceptQuery SelectQuery SelectWithUnionQuery
  StorageOrderByElement Subquery TableExpression TableIdentifier TableJoin TablesInSelectQuery
  TablesInSelectQueryElement WindowDefinition WindowListElement WithElement`.split(/\s+/),
)

const SYSTEM_TABLES = new Set(
  `columns databases disks functions merges mutations numbers one parts parts_columns settings tables
  data_skipping_indices table_engines`.split(/\s+/),
)

/** Takes the engine's tree line by line: one node on each, its depth in leading spaces. */
function checkTree(tree: string, sql: string, { database, functions }: Rules): void {
  const lines = tree.split('\n').filter((line) => line.trim() !== '')
  const [root = ''] = lines[0]?.split(' ') ?? []
  if (!ROOTS.test(root)) throw refuse(164, `${root || 'This'} may not be run here.`)
  // The tree of SHOW leaves its WHERE out. Without a parenthesis nothing can be called there.
  if (root.startsWith('Show') && sql.includes('('))
    throw refuse(164, 'SHOW may not call functions here; select from system.tables or system.columns.')

  const path: string[] = []
  for (const [at, line] of lines.entries()) {
    const depth = line.length - line.trimStart().length
    const [node = '', ...rest] = line.trim().split(' ')
    const name = (rest.join(' ').match(/^(.*?)(?: \((?:alias |children \d).*)?$/s)?.[1] ?? '').trim()
    path.length = depth
    path[depth] = node
    if (at === 0) continue
    if (node === 'Set' && root === 'Explain' && depth === 1) continue
    if (node === 'Set') throw refuse(452, 'Settings belong into the URL, not into the statement.')
    if (!NODES.has(node)) throw refuse(164, `${node} may not be used here.`)
    if (node === 'Function') checkFunction(name, path[depth - 1] === 'TableExpression', functions)
    if (node === 'Identifier' || node === 'TableIdentifier') checkName(name, database, functions)
  }
}

function checkFunction(name: string, inFrom: boolean, functions: Functions): void {
  const fine = inFrom ? isTableFunction(name) : functions.allowed(name)
  if (!fine) throw refuse(497, `The ${inFrom ? 'table function' : 'function'} ${name} may not be used here.`)
}

/** A bare name may be a column, a table (`x IN system.users`) or a function (`arrayMap(file, …)`). */
function checkName(name: string, database: string, functions: Functions): void {
  if (functions.forbidden(name)) throw refuse(497, `The function ${name} may not be used here.`)
  const system = /^`?system`?\s*\.\s*(.*)$/is.exec(name)
  if (system && database !== 'system' && !SYSTEM_TABLES.has(system[1] ?? ''))
    throw refuse(497, `system.${system[1]} may not be read here.`)
}
