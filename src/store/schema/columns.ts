import { HoldpointError } from '#contract'
import type { Migration } from './migrations.ts'
import { rowsOf, TABLES } from './tables.ts'

/** A column as `system.columns` tells of it. */
export interface ColumnRow {
  table: string
  name: string
  type: string
}

/**
 * Statements that add the columns which a table of another version of the exporter lacks. Throws INVALID_CONFIG
 * where a column has another type: rows go over as bytes without names, so they would be read as something else.
 */
export function missingColumns(
  present: readonly ColumnRow[],
  migrations: readonly Migration[],
  cluster: string | undefined,
): { table: string; change: string }[] {
  const statements = migrations.flatMap((migration) => migration.statements)
  return statements.flatMap(readTable).flatMap(({ name: table, columns }) => {
    if (TABLES[table] === undefined) return []
    const there = new Map(
      present.filter((one) => one.table === rowsOf(table, cluster)).map(({ name, type }) => [name, type]),
    )
    // Not made yet, or nothing that this user may look at.
    if (there.size === 0) return []
    for (const [name, type] of columns) {
      const found = there.get(name)
      if (found !== undefined && found !== type)
        throw new HoldpointError(
          'INVALID_CONFIG',
          `${table}.${name} is of type ${found}, expected ${type}: change it (ALTER TABLE … MODIFY COLUMN), ` +
            'or rename the table, and a new one is made',
        )
    }
    const missing = columns.filter(([name]) => !there.has(name))
    if (missing.length === 0) return []
    const change = missing.map(([name, type]) => `ADD COLUMN IF NOT EXISTS \`${name}\` ${type}`).join(', ')
    return [{ table, change }]
  })
}

/** Our own files have one column on each line, and a nested one as its parts. */
function readTable(statement: string): { name: string; columns: [name: string, type: string][] }[] {
  const [, name, body] = /^CREATE TABLE IF NOT EXISTS (\w+) \(\n([\s\S]*)\n\) ENGINE/.exec(statement) ?? []
  if (name === undefined || body === undefined) return []
  const columns: [string, string][] = []
  let nested = ''
  for (const line of body.split('\n')) {
    const begins = /^ {2}(\w+) Nested \($/.exec(line)
    if (begins) nested = `${begins[1]}.`
    else if (/^ {2}\)/.test(line)) nested = ''
    else {
      const found = /^ +(?!INDEX )(\w+) ([A-Z]\w+(?:\(.*?\)+)?)(?=,$|$| CODEC| COMMENT)/.exec(line)
      if (found) columns.push([`${nested}${found[1]}`, typeOf(found[2] ?? '', nested !== '')])
    }
  }
  return [{ name, columns }]
}

const typeOf = (written: string, isNested: boolean): string => {
  const type = written === 'Boolean' ? 'Bool' : written
  return isNested ? `Array(${type})` : type
}
