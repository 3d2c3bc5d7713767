import { HoldpointError } from '#contract'
import { quoteIdentifier } from '../engine/quote.ts'
import { type Kept, rowsOf, TABLES } from './tables.ts'

/** Days; 0 takes the end away, and what is not said stays as it is in the store. */
export type TtlDays = { readonly [K in Kept]?: number | undefined }

/** A table as `system.tables` tells of it. */
export interface TableRow {
  name: string
  engine: string
  /** `MergeTree PARTITION BY … ORDER BY … TTL … SETTINGS …` */
  engine_full: string
}

/** How many batches a table remembers: a batch that is sent again within that many others changes nothing. */
const DEDUPLICATION_WINDOW = 10_000
const WEEK_SECONDS = 7 * 86_400

/** What has to be changed in tables that are there, whoever made them, so that they are as they should be. */
export function alterations(
  tables: readonly TableRow[],
  cluster: string | undefined,
  ttlDays: TtlDays = {},
): string[] {
  const onCluster = cluster === undefined ? '' : ` ON CLUSTER ${quoteIdentifier(cluster)}`
  return Object.entries(TABLES).flatMap(([name, { ttl }]) => {
    const rows = rowsOf(name, cluster)
    const table = tables.find((one) => one.name === rows)
    if (!table) return []
    const days = ttl && ttlDays[ttl.kept]
    const change =
      days === undefined ? undefined : ttlChange(table, `${ttl?.since} + toIntervalDay(${days})`, days)
    const settings = { ...window(table.engine), ...(change && days ? dropsParts(table) : {}) }
    return [missing(table, settings), change]
      .filter((part) => part !== undefined)
      .map((part) => `ALTER TABLE ${rows}${onCluster} ${part}`)
  })
}

const window = (engine: string): Record<string, number> =>
  /^(Replicated|Shared)/.test(engine)
    ? {
        replicated_deduplication_window: DEDUPLICATION_WINDOW,
        // An hour, by default: a writer may be away for longer.
        replicated_deduplication_window_seconds: WEEK_SECONDS,
      }
    : { non_replicated_deduplication_window: DEDUPLICATION_WINDOW }

/** Whole days go at once, instead of being written anew without some rows. Without days there is no such part. */
const dropsParts = ({ engine_full }: TableRow): Record<string, number> =>
  / PARTITION BY toDate\(/.test(engine_full) ? { ttl_only_drop_parts: 1 } : {}

function missing({ engine_full }: TableRow, settings: Record<string, number>): string | undefined {
  const wrong = Object.entries(settings).filter(
    ([name, value]) => !new RegExp(`(?<!\\w)${name} = ${value}(?!\\d)`).test(engine_full),
  )
  return wrong.length === 0
    ? undefined
    : `MODIFY SETTING ${wrong.map(([name, value]) => `${name} = ${value}`).join(', ')}`
}

function ttlChange({ name, engine_full }: TableRow, wanted: string, days: number): string | undefined {
  const [, present] = / TTL (.*?)(?: SETTINGS |$)/s.exec(engine_full) ?? []
  if (days === 0) return present === undefined ? undefined : 'REMOVE TTL'
  if (present === wanted) return undefined
  // Somebody moves old parts to other disks, say. MODIFY TTL would replace that too.
  if (present !== undefined && /\b(TO (DISK|VOLUME)|GROUP BY|RECOMPRESS|WHERE)\b/.test(present))
    throw new HoldpointError(
      'INVALID_CONFIG',
      `${name} has a TTL that does more than delete (${present}), which clickhouse.ttlDays would replace: ` +
        'leave the key out and keep that TTL by hand, or take it off the table',
    )
  return `MODIFY TTL ${wanted}`
}
