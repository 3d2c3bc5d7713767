import { join } from 'node:path'
import { HoldpointError } from '#contract'
import {
  type Command,
  createClaim,
  createLog,
  defineCommand,
  type Io,
  type LogLevel,
  readConfig,
} from '#runtime'
import { type ClickHouseTarget, createEngine } from '#store'
import { INCIDENTS, type Incident, type SeedOptions } from './options.ts'
import { createProgress } from './progress.ts'
import type { SeedReport } from './report.ts'
import { seedStore } from './seed-store.ts'

export const seedCommand: Command = defineCommand({
  name: 'seed',
  summary: 'Fill an empty store with a believable week, to look at, to test and to measure with',
  details:
    'Made-up agents, people, rules and requests, and what the pipeline finds of them: the same for the same options.\n' +
    'Incidents are planted by name, each for itself; the report says where. Writes to the ClickHouse that\n' +
    'clickhouse.url names, or to the embedded one of this data folder, which nobody else may be using.\n' +
    'A store that holds anything else is left alone; the same week again changes nothing, and one that was stopped\n' +
    'goes on.\n' +
    `Incidents: ${INCIDENTS.slice(0, 6).join(', ')},\n${INCIDENTS.slice(6).join(', ')}.`,
  example: 'holdpoint seed --spans 1000000 --incidents forged-approval,night-export',
  options: {
    spans: { type: 'string', value: 'N', default: '100000', description: 'How many spans, about' },
    seed: { type: 'string', value: 'N', default: '1', description: 'Another number makes another week' },
    'ends-at': {
      type: 'string',
      value: 'TIME',
      description: 'ISO 8601, when the week is over (default: now)',
    },
    incidents: {
      type: 'string',
      value: 'LIST',
      default: 'all',
      description: 'Names with commas between, all or none',
    },
    json: {
      type: 'boolean',
      description: 'One JSON object: {"options", "fromMs", "rows", "incidents", "isRepeated"}',
    },
  },
  async run({ options }, io) {
    const wanted: SeedOptions = {
      spans: numberOf('--spans', options.spans),
      seed: numberOf('--seed', options.seed),
      endsAtMs: timeOf(options['ends-at'], io),
      incidents: incidentsOf(options.incidents),
    }
    const progress = createProgress(io)
    const text = await withTarget(io, async (target, place) => {
      const deps = { progress: progress.show, signal: io.signal }
      const report = await seedStore(target, wanted, deps).finally(progress.end)
      return options.json ? `${JSON.stringify(report)}\n` : textOf(report, place)
    })
    io.stdout.write(text)
    return 0
  },
})

/** The configured ClickHouse, or the embedded one: for that time this data folder is ours. */
async function withTarget<T>(
  io: Io,
  run: (target: ClickHouseTarget, place: string) => Promise<T>,
): Promise<T> {
  const { clickhouse, dataDir, log } = readConfig(io)
  const { url, user = 'default', password = '', database } = clickhouse
  // An address may come out of the shell, and be another one than somebody thinks of.
  if (url !== undefined)
    return run({ url, user, password, database }, `${new URL(url).host}, database ${database}`)
  const claim = createClaim(dataDir)
  const engine = createEngine(
    { dataDir: join(dataDir, 'data/clickhouse'), port: 0, database },
    { log: createLog({ name: 'seed', level: log.level === 'info' ? 'warn' : (log.level as LogLevel) }) },
  )
  await claim.start()
  try {
    await engine.start()
    return await run(engine.writer, dataDir)
  } finally {
    await engine.stop()
    await claim.stop()
  }
}

function numberOf(option: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text)
  throw new HoldpointError('INVALID_INPUT', `${option} ${JSON.stringify(text)}: expected a whole number`)
}

function timeOf(text: string | undefined, io: Io): number {
  const at = text === undefined ? io.now() : Date.parse(text)
  if (Number.isFinite(at)) return at
  throw new HoldpointError(
    'INVALID_INPUT',
    `--ends-at ${JSON.stringify(text)}: expected a time such as 2026-11-20T12:00Z`,
  )
}

function incidentsOf(text: string): Incident[] {
  if (text === 'all') return [...INCIDENTS]
  if (text === 'none') return []
  return text.split(',').map((name) => {
    const found = INCIDENTS.find((one) => one === name.trim())
    if (found) return found
    throw new HoldpointError(
      'INVALID_INPUT',
      `--incidents ${JSON.stringify(name)}: expected all, none, or some of ${INCIDENTS.join(', ')}`,
    )
  })
}

function textOf({ options, fromMs, rows, incidents, isRepeated }: SeedReport, place: string): string {
  const time = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
  return [
    isRepeated
      ? `${place} holds this week already; nothing was changed.`
      : `A week is in ${place}, from ${time(fromMs)} to ${time(options.endsAtMs)} UTC.`,
    '',
    ...Object.entries(rows).map(([table, count]) => `${table.padEnd(24)}${String(count).padStart(10)} rows`),
    ...(incidents.length === 0 ? [] : ['', 'Planted:']),
    ...incidents.map(
      ({ incident, fromMs: at, what, traceIds: [trace] }) =>
        `${incident.padEnd(20)} ${time(at)}  ${what}${trace === undefined ? '' : ` (trace ${trace})`}`,
    ),
    '',
    'Next: holdpoint up, and in its console the pages Who acted and Violations.',
    '',
  ].join('\n')
}
