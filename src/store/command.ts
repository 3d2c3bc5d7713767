import { text as readAll } from 'node:stream/consumers'
import { ClickHouseLogLevel, createClient } from '@clickhouse/client'
import { HoldpointError } from '#contract'
import { type Command, defineCommand, type ExitCode, type Io } from '#runtime'
import type { ClickHouseTarget } from './engine/engine.ts'
import { splitFormat } from './engine/format.ts'
import { told } from './errors.ts'
import { printTable } from './table.ts'
import { findTarget } from './target.ts'

export const sqlCommand: Command = defineCommand({
  name: 'sql',
  summary: 'Ask the store a question in SQL',
  details:
    'Reads only. The tables are otel_traces, otel_logs, otel_metrics_*, holdpoint_ledger, holdpoint_findings,\n' +
    'holdpoint_activity, and over them holdpoint_actions, holdpoint_requests and holdpoint_reviews.\n' +
    'Asks the ClickHouse that `holdpoint up` runs on this data folder, or the one that clickhouse.url names.',
  example: `holdpoint sql "SELECT at, agent, name, approvers, outcome FROM holdpoint_actions ORDER BY at"`,
  options: {
    json: { type: 'boolean', description: 'One JSON object: {"rows": […]}' },
    format: {
      type: 'string',
      value: 'NAME',
      description: 'The rows in a format of ClickHouse, such as CSV or Vertical',
    },
    data: {
      type: 'string',
      value: 'FOLDER',
      description: 'The data folder of `holdpoint up` (default: the configured one)',
    },
  },
  positionals: [{ name: 'SQL', description: 'One statement that reads; - takes it from standard input' }],
  async run({ options, positionals }, io) {
    const given = positionals[0] ?? ''
    const sql = (given === '-' ? await readAll(io.stdin) : given).trim()
    if (sql === '') throw new HoldpointError('INVALID_INPUT', 'there is no SQL: expected one statement')
    if (options.json && options.format !== undefined)
      throw new HoldpointError('INVALID_INPUT', '--json and --format exclude each other')
    const target = findTarget(io, options.data)
    const { statement, format = options.format } = splitFormat(sql)
    if (format !== undefined && !options.json) return printFormat(target, statement, format, io)
    return printRows(target, statement, options.json, io)
  },
})

async function printRows(target: ClickHouseTarget, sql: string, json: boolean, io: Io): Promise<ExitCode> {
  const answer = JSON.parse(await ask(target, sql, 'JSONCompact')) as {
    meta: { name: string }[]
    data: unknown[][]
    rows: number
  }
  const names = answer.meta.map(({ name }) => name)
  if (json) {
    const rows = answer.data.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at]])))
    io.stdout.write(`${JSON.stringify({ rows })}\n`)
  } else {
    io.stdout.write(printTable(names, answer.data))
    io.stderr.write(`${answer.rows} ${answer.rows === 1 ? 'row' : 'rows'}\n`)
  }
  return 0
}

async function printFormat(target: ClickHouseTarget, sql: string, format: string, io: Io): Promise<ExitCode> {
  io.stdout.write(await ask(target, sql, format, true))
  return 0
}

/** Formats are ClickHouse's own, more than the client has types for: so the raw answer, as bytes. */
async function ask(target: ClickHouseTarget, sql: string, format: string): Promise<string>
async function ask(target: ClickHouseTarget, sql: string, format: string, bytes: true): Promise<Buffer>
async function ask(
  target: ClickHouseTarget,
  sql: string,
  format: string,
  bytes = false,
): Promise<string | Buffer> {
  if (!/^\w+$/.test(format))
    throw new HoldpointError(
      'INVALID_INPUT',
      `--format ${JSON.stringify(format)}: expected a name such as CSV`,
    )
  const client = createClient({
    url: target.url,
    username: target.user,
    password: target.password,
    database: target.database,
    application: 'holdpoint sql',
    // A configured user may have more rights than somebody who only asks.
    clickhouse_settings: { readonly: '1' },
    // What goes wrong is thrown; the client would print it as well.
    log: { level: ClickHouseLogLevel.OFF },
  })
  try {
    return await told(async () => {
      const { stream } = await client.exec({ query: `${sql.replace(/;\s*$/, '')}\nFORMAT ${format}` })
      const chunks: Buffer[] = []
      for await (const chunk of stream) chunks.push(chunk as Buffer)
      const whole = Buffer.concat(chunks)
      return bytes ? whole : whole.toString()
    })
  } finally {
    await client.close()
  }
}
