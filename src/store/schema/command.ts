import { randomBytes } from 'node:crypto'
import { HoldpointError } from '#contract'
import { type Command, defineCommand, readConfig } from '#runtime'
import { createStore } from '../store.ts'
import { configuredTarget, findTarget } from '../target.ts'
import { schemaStatements } from './print.ts'
import { userStatements } from './users.ts'

const printCommand = defineCommand({
  name: 'schema print',
  summary: 'Print the tables of the store as SQL, or its users',
  details:
    'For whoever makes tables by hand: all of it can run twice, and what has run is recorded as migrated.\n' +
    'Database, cluster and clickhouse.ttlDays come from the configuration. With --users, roles and users with\n' +
    'the least rights, each with a new password; a user that is there keeps its own.',
  example: 'holdpoint schema print --cluster main | clickhouse-client --multiquery',
  options: {
    cluster: { type: 'string', value: 'NAME', description: 'For this cluster (default: clickhouse.cluster)' },
    users: { type: 'boolean', description: 'Roles and users instead of the tables' },
  },
  async run({ options }, io) {
    const { clickhouse } = readConfig({ env: io.env, cwd: io.cwd })
    const place = { database: clickhouse.database, cluster: options.cluster ?? clickhouse.cluster }
    if (place.cluster !== undefined && !/^[A-Za-z_][\w-]*$/.test(place.cluster))
      throw new HoldpointError(
        'INVALID_INPUT',
        `--cluster ${JSON.stringify(place.cluster)}: expected the name of a cluster: letters, digits, _ and -`,
      )
    const statements = options.users
      ? userStatements(place, () => randomBytes(24).toString('base64url'))
      : await schemaStatements(place, clickhouse.ttlDays)
    io.stdout.write(statements.map((one) => `${one.startsWith('--') ? '\n' : ''}${one};\n`).join(''))
    return 0
  },
})

const migrateCommand = defineCommand({
  name: 'schema migrate',
  summary: 'Make the tables of the store current',
  details:
    'On the ClickHouse that clickhouse.url names, as a user that may create tables; the pipeline does the same at\n' +
    'its start. Several at once do no harm. `holdpoint up` migrates its embedded engine by itself.',
  example: 'HOLDPOINT_CLICKHOUSE_USER=holdpoint_migrator_user holdpoint schema migrate',
  options: { json: { type: 'boolean', description: 'One JSON object: {"applied": […], "altered": […]}' } },
  async run({ options }, io) {
    const config = readConfig({ env: io.env, cwd: io.cwd })
    const target = configuredTarget(config)
    if (!target)
      throw new HoldpointError(
        'INVALID_CONFIG',
        'clickhouse.url (HOLDPOINT_CLICKHOUSE_URL) is missing; an embedded engine is migrated by `holdpoint up`',
      )
    const store = createStore(target)
    try {
      const { alterations: altered } = await store.schemaStatus(config.clickhouse)
      const applied = await store.migrate(config.clickhouse)
      const lines = [...applied, ...altered].map((one) => `${one}\n`).join('')
      io.stdout.write(
        options.json
          ? `${JSON.stringify({ applied, altered })}\n`
          : lines || 'The schema is current already.\n',
      )
      return 0
    } finally {
      await store.close()
    }
  },
})

const statusCommand = defineCommand({
  name: 'schema status',
  summary: 'Say whether the tables of the store are current',
  details: 'Exits 1 when something is missing. Changes nothing.',
  example: 'holdpoint schema status --json',
  options: {
    json: {
      type: 'boolean',
      description: 'One JSON object: {"isCurrent", "applied": […], "missing": […], "alterations": […]}',
    },
    data: {
      type: 'string',
      value: 'FOLDER',
      description: 'The data folder of `holdpoint up` (default: the configured one)',
    },
  },
  async run({ options }, io) {
    const { clickhouse } = readConfig({ env: io.env, cwd: io.cwd })
    const store = createStore(findTarget(io, options.data))
    try {
      const { isCurrent, applied, missing, alterations } = await store.schemaStatus(clickhouse)
      const names = missing.map(({ name }) => name)
      const lines = [
        ...applied.map((name) => `applied  ${name}`),
        ...names.map((name) => `missing  ${name}`),
        ...alterations.map((statement) => `to run   ${statement}`),
        isCurrent ? 'The schema is current.' : 'The schema is behind: run `holdpoint schema migrate`.',
      ]
      io.stdout.write(
        options.json
          ? `${JSON.stringify({ isCurrent, applied, missing: names, alterations })}\n`
          : `${lines.join('\n')}\n`,
      )
      return isCurrent ? 0 : 1
    } finally {
      await store.close()
    }
  },
})

export const schemaCommands: readonly Command[] = [printCommand, migrateCommand, statusCommand]
