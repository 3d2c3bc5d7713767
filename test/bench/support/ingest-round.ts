import { Agent, request as httpRequest } from 'node:http'
import type { LedgerEntry } from '#contract'
import type { ClickHouseTarget, Store } from '#store'
import { EPOCH } from '../../support/house.ts'
import { pause } from '../../support/pause.ts'
import type { PipelineHouse } from '../../support/pipeline-house.ts'
import type { Pipeline } from '../../support/pipeline-process.ts'
import { cpuMs } from './inspect.ts'
import { fill } from './ledger-history.ts'
import type { Request } from './otlp-load.ts'

export interface Round {
  rows: number
  /** From the first request until a query sees every row, and every verdict. */
  ms: number
  /** Processor time, microseconds for each row; of all pipelines, for another one may drain the buffer. */
  pipelineUs: number
  natsUs: number
  engineUs: number
  /** Requests that had to come again, which all of this is the cost of as well: of none, in an honest round. */
  again: number
  /** Before the round, processor time of one pipeline for each entry of the ledger: read, and copied into the store. */
  ledgerUs?: number
}

export type Ingest = (pipeline: Pipeline, request: Request, times: number) => Promise<Round>

const AT_ONCE = 4
const LOOK_EVERY_MS = 20
const WITHIN_MS = 120_000
/** Pipelines that use no more than this have nothing left to do: they only look whether something has come. */
const IDLE = { forMs: 300, usedMs: 20 }
const EMPTIED = ['otel_traces', 'otel_traces_trace_id_ts', 'holdpoint_findings']

/** Sends a request so many times, each time under other ids, into empty tables. */
export function createIngest({ house, store, pipelines }: PipelineHouse): Ingest {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
  let turn = 0

  async function prepare(request: Request, times: number) {
    for (const table of EMPTIED) await statement(store.engine.writer, `TRUNCATE TABLE ${table}`)
    const entries: LedgerEntry[] = []
    const bodies = Array.from({ length: times }, () => {
      entries.push(...request.stamp(++turn))
      return Buffer.from(request.bytes)
    })
    const before = usedMs().pipelines
    if (entries.length > 0) await writeLedger(entries)
    // What a pipeline has left over from before is no part of what is measured.
    await idle()
    const ledgerMs = (usedMs().pipelines - before) / pipelines.length
    return { bodies, ...(entries.length > 0 ? { ledgerUs: (ledgerMs * 1_000) / entries.length } : {}) }
  }

  async function writeLedger(entries: readonly LedgerEntry[]): Promise<void> {
    // Every pipeline copies the ledger, and until they are merged there are rows of each.
    const count = () => countOf(store.store, '(SELECT DISTINCT origin, ledger_index FROM holdpoint_ledger)')
    const before = await count()
    const nc = await house.connect('broker')
    await fill(nc, EPOCH, entries)
    await nc.close()
    await until(async () => (await count()) >= before + entries.length, 'the ledger’s rows')
  }

  const idle = () =>
    until(async () => {
      const before = usedMs().pipelines
      await pause(IDLE.forMs)
      return usedMs().pipelines - before <= IDLE.usedMs * pipelines.length
    }, 'pipelines without work')

  const usedMs = () => ({
    pipelines: pipelines.reduce((all, pipeline) => all + cpuMs(pipeline.pid() ?? 0), 0),
    nats: cpuMs(house.nats.pid),
    engine: cpuMs(store.pid()),
  })

  return async (pipeline, request, times) => {
    const { bodies, ...ofLedger } = await prepare(request, times)
    const rows = request.spans * times
    const before = usedMs()
    const startedAt = performance.now()
    let again = 0
    const send = async (): Promise<void> => {
      for (let body = bodies.pop(); body !== undefined; body = bodies.pop())
        again += await post(agent, pipeline.endpoint.http, body)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, send))
    await until(async () => (await countOf(store.store, 'otel_traces')) >= rows, `${rows} spans`)
    const verified = `holdpoint_findings FINAL WHERE verification = 'verified'`
    // What was to be verified and is not makes every number worthless.
    if (request.held > 0)
      await until(async () => (await countOf(store.store, verified)) === request.held * times, 'the verdicts')
    const ms = performance.now() - startedAt
    const after = usedMs()
    const eachUs = (of: keyof typeof before): number => ((after[of] - before[of]) * 1_000) / rows
    const cpu = { pipelineUs: eachUs('pipelines'), natsUs: eachUs('nats'), engineUs: eachUs('engine') }
    return { rows, ms, again, ...cpu, ...ofLedger }
  }
}

const RETRYABLE = [429, 503]

/** Resolves to how often it had to come again. */
async function post(agent: Agent, endpoint: string, body: Buffer): Promise<number> {
  for (let again = 0; ; again++) {
    const [status, said] = await answerOf(agent, endpoint, body)
    if (status === 200) return again
    if (!RETRYABLE.includes(status)) throw new Error(`${status} ${said}`)
    await pause(50)
  }
}

function answerOf(agent: Agent, endpoint: string, body: Buffer): Promise<[status: number, said: string]> {
  const headers = { 'content-type': 'application/x-protobuf', 'content-length': body.length }
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${endpoint}/v1/traces`, { agent, method: 'POST', headers }, (response) => {
      let said = ''
      response.on('data', (chunk) => {
        said += chunk
      })
      response.on('end', () => resolve([response.statusCode ?? 0, said]))
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end(body)
  })
}

export async function countOf(store: Store, table: string): Promise<number> {
  const [row] = await store.query<{ rows: number }>(`SELECT count() AS rows FROM ${table}`)
  return row?.rows ?? 0
}

async function until(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const giveUpAt = performance.now() + WITHIN_MS
  while (!(await isSo())) {
    if (performance.now() > giveUpAt) throw new Error(`${what} did not come within ${WITHIN_MS} ms`)
    await pause(LOOK_EVERY_MS)
  }
}

/** Any statement in the engine's own words; resolves to what it answers. */
export async function statement(
  { url, user, password, database }: ClickHouseTarget,
  sql: string,
): Promise<Buffer> {
  const response = await fetch(`${url}/?database=${database}`, {
    method: 'POST',
    body: sql,
    headers: { 'x-clickhouse-user': user, 'x-clickhouse-key': password },
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  if (response.status !== 200) throw new Error(`${sql}: ${bytes.toString()}`)
  return bytes
}
