import { readSql, type SqlDialect } from '#contract'
import type { Span } from '../../otlp/span.ts'
import type { PlainAction } from './action.ts'
import { firstOf, SPAN_KIND } from './attributes.ts'

export const DB_TELLING = ['db.'] as const

/**
 * What was asked of a database: by the summary, by operation and collection, and by each statement of the text. All
 * that a span says is read: where the summary is harmless and the text is not, the text counts.
 */
export function readDb(span: Span): PlainAction[] {
  const { server, consumer } = SPAN_KIND
  if (span.kind === server || span.kind === consumer) return []
  const system = firstOf(span, 'db.system.name', 'db.system')
  const namespace = firstOf(span, 'db.namespace', 'db.name', 'db.redis.database_index')
  const where = namespace === undefined ? {} : { target: namespace }
  const texts = [firstOf(span, 'db.query.text'), firstOf(span, 'db.statement')].filter(
    (text) => text !== undefined,
  )
  const operation = operationOf(span)
  const named = [summaryOf(span), operation].filter((names) => names !== undefined)
  const readings = [...new Set(texts)].map((text) => readText(text, system, named.length > 0))
  const all = [...named, ...readings.flatMap((reading) => reading.actions)]
  // Summary, operation and text mostly say the same; the text knows more names for it.
  const actions = [...new Map(all.map((names) => [names[0], names])).values()]
  const unsure =
    readings.some((reading) => reading.unsure) || (texts.length === 0 && isWithoutObject(operation))
  const [first] = actions
  if (first === undefined) {
    if (system === undefined || CONNECTING.test(span.name)) return []
    return [{ kind: 'db', names: [span.name || '?'], ...where, unsure: true }]
  }
  return actions.map((names) => ({ kind: 'db', names, ...where, ...(unsure ? { unsure } : {}) }))
}

type Names = [string, ...string[]]

const summaryOf = (span: Span): Names | undefined => {
  const summary = firstOf(span, 'db.query.summary')
  return summary === undefined ? undefined : [summary]
}

const COLLECTIONS = [
  'db.collection.name',
  'db.sql.table',
  'db.mongodb.collection',
  'db.cassandra.table',
  'db.cosmosdb.container',
] as const

function operationOf(span: Span): Names | undefined {
  const operation = firstOf(span, 'db.operation.name', 'db.operation')
  if (operation === undefined) return undefined
  const collection = firstOf(span, ...COLLECTIONS)
  const words = [operation.toUpperCase(), operation]
  const [first = '', ...others] = new Set(
    words.map((verb) => (collection === undefined ? verb : `${verb} ${collection}`)),
  )
  return [first, ...others]
}

/** `DELETE`, and of what stands nowhere. */
const isWithoutObject = (operation: Names | undefined): boolean =>
  operation !== undefined && !/\s/.test(operation[0]) && !ALONE.has(operation[0])

const ALONE = new Set([
  'BEGIN',
  'START',
  'COMMIT',
  'ROLLBACK',
  'SAVEPOINT',
  'SET',
  'SHOW',
  'USE',
  'PING',
  'AUTH',
  'HELLO',
])

/** Their queries are no SQL. Of those that send a command and its key in words, each line is one. */
const COMMANDS = new Set(['redis', 'valkey', 'memcached'])
const NO_SQL = new Set([
  'aws.dynamodb',
  'azure.cosmosdb',
  'cosmosdb',
  'couchdb',
  'dynamodb',
  'elasticsearch',
  'mongodb',
  'neo4j',
  'opensearch',
])

function readText(
  text: string,
  system: string | undefined,
  isNamed: boolean,
): { actions: Names[]; unsure: boolean } {
  if (system !== undefined && COMMANDS.has(system)) return readCommands(text)
  // The operation stands beside it, or nobody can tell.
  if (system !== undefined && NO_SQL.has(system)) return { actions: [], unsure: !isNamed }
  return readSql(text, dialectOf(system))
}

const MAX_COMMANDS = 20

function readCommands(text: string): { actions: Names[]; unsure: boolean } {
  const lines = text.split(/[\r\n;]+/, MAX_COMMANDS + 1).filter((line) => line.trim() !== '')
  const actions = lines.map((line): Names => {
    const [verb = '', key] = line.trim().split(/\s+/, 2)
    const name = verb.toUpperCase()
    return key === undefined ? [name] : [`${name} ${key}`]
  })
  const isOpaque = actions.some(([name]) => /^(EVAL|EVALSHA|FCALL|SCRIPT)\b|^\W/.test(name))
  return {
    actions: actions.slice(0, MAX_COMMANDS),
    unsure: isOpaque || (actions.length !== 1 && lines.length > MAX_COMMANDS) || actions.length === 0,
  }
}

function dialectOf(system: string | undefined): SqlDialect {
  switch (system) {
    case 'postgresql':
    case 'cockroachdb':
    case 'redshift':
    case 'aws.redshift':
      return 'postgresql'
    case 'mysql':
    case 'mariadb':
      return 'mysql'
    case 'mssql':
    case 'microsoft.sql_server':
      return 'mssql'
    case 'sqlite':
      return 'standard'
    default:
      return 'unknown'
  }
}

/** Spans of the client itself, which ask nothing of the database. */
const CONNECTING =
  /^(pg(-pool)?\.connect|mysql2?\.connect|connect|ping|(redis|mongodb|tcp)[ .-]connect|sql\.(connector\.connect|conn\.(ping|reset_session|begin_tx)|rows|tx\.(commit|rollback)))$/
