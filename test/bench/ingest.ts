import { type PipelineHouse, startPipelineHouse } from '../support/pipeline-house.ts'
import type { Pipeline } from '../support/pipeline-process.ts'
import type { RunOptions } from '../support/runner.ts'
import { createEngineInserts } from './support/engine-inserts.ts'
import { createIngest, type Ingest, type Round } from './support/ingest-round.ts'
import { createRequest, type Shape } from './support/otlp-load.ts'
import { percentile } from './support/percentile.ts'

export const summary =
  'OTLP over HTTP to rows that a query sees, beside the engine’s own insert rate of the very same rows.'

/** As a Collector's batch processor sends them: about 560 bytes a span. */
const BATCH: Shape = { spans: 8_192, attributes: 12, services: 1, heldOneIn: 0 }
const REQUESTS = 16
const WARM_UP = 2
const HELD_ONE_IN = 100
const SERVICES = [1, 10, 100, 1_000]
const ATTRIBUTES = [5, 12, 25, 50, 100]
/** Of a series, which is many rounds. */
const SERIES_REQUESTS = 6

interface Measuring {
  rounds: number
  say: RunOptions['say']
  scene: PipelineHouse
  ingest: Ingest
  direct: Pipeline
  buffered: Pipeline
}

/** `n` rounds; in each, all that is compared is measured once, so that whatever else the machine does falls on all alike. */
export async function run({ n = 7, say }: RunOptions): Promise<Record<string, unknown>> {
  const scene = await startPipelineHouse([
    { name: 'direct', env: { HOLDPOINT_PIPELINE_MODE: 'direct' } },
    { name: 'buffered', env: { HOLDPOINT_PIPELINE_MODE: 'buffered' } },
  ])
  try {
    const [direct, buffered] = scene.pipelines as [Pipeline, Pipeline]
    const measuring = { rounds: n, say, scene, ingest: createIngest(scene), direct, buffered }
    return {
      n,
      ...(await measureRates(measuring)),
      ...(await measureVerification(measuring)),
      ...(await measureSeries(measuring)),
    }
  } finally {
    await scene.stop()
  }
}

async function measureRates({ rounds, say, scene, ingest, direct, buffered }: Measuring) {
  const request = createRequest(BATCH, Date.now())
  for (let round = 0; round < WARM_UP; round++)
    for (const pipeline of [direct, buffered]) await ingest(pipeline, request, REQUESTS)
  const engine = await createEngineInserts(scene.store.engine.writer)
  await engine.insert()
  const inDirect: Round[] = []
  const inBuffered: Round[] = []
  const byItself: number[] = []
  for (let round = 1; round <= rounds; round++) {
    inDirect.push(await ingest(direct, request, REQUESTS))
    inBuffered.push(await ingest(buffered, request, REQUESTS))
    byItself.push((engine.rows * 1_000) / (await engine.insert()))
    const rates = [inDirect.at(-1), inBuffered.at(-1)].map((one) => Math.round(rateOf(one as Round)))
    say(
      `round ${round}: direct ${rates[0]}, buffered ${rates[1]}, engine ${Math.round(byItself.at(-1) ?? 0)} rows/s`,
    )
  }
  await engine.stop()
  const rowsPerSecond = median(inBuffered.map(rateOf))
  const directRowsPerSecond = median(inDirect.map(rateOf))
  const engineRowsPerSecond = median(byItself)
  return {
    rowsPerSecond: Math.round(rowsPerSecond),
    directRowsPerSecond: Math.round(directRowsPerSecond),
    engineRowsPerSecond: Math.round(engineRowsPerSecond),
    share: rounded(rowsPerSecond / engineRowsPerSecond),
    directShare: rounded(directRowsPerSecond / engineRowsPerSecond),
    bytesPerSpan: Math.round(request.bytes.length / request.spans),
    cpuUsPerRow: { buffered: cpuOf(inBuffered), direct: cpuOf(inDirect) },
  }
}

/** The same load with one span in a hundred that was held and approved, and with none. */
async function measureVerification({ rounds, say, ingest, buffered, direct }: Measuring) {
  const without = createRequest(BATCH, Date.now())
  const withHeld = createRequest({ ...BATCH, heldOneIn: HELD_ONE_IN }, Date.now())
  await ingest(buffered, withHeld, REQUESTS)
  const plain: Round[] = []
  const held: Round[] = []
  const plainDirect: Round[] = []
  const heldDirect: Round[] = []
  for (let round = 1; round <= rounds; round++) {
    plain.push(await ingest(buffered, without, REQUESTS))
    held.push(await ingest(buffered, withHeld, REQUESTS))
    plainDirect.push(await ingest(direct, without, REQUESTS))
    heldDirect.push(await ingest(direct, withHeld, REQUESTS))
  }
  const cost = (one: Round[], other: Round[], of: (round: Round) => number): number =>
    rounded(median(one.map(of)) / median(other.map(of)) - 1)
  const verificationCost = {
    heldOneIn: HELD_ONE_IN,
    elapsed: cost(held, plain, ({ ms }) => ms),
    pipelineCpu: cost(held, plain, ({ pipelineUs }) => pipelineUs),
    directElapsed: cost(heldDirect, plainDirect, ({ ms }) => ms),
    directPipelineCpu: cost(heldDirect, plainDirect, ({ pipelineUs }) => pipelineUs),
  }
  say(`verification costs ${JSON.stringify(verificationCost)}`)
  return { verificationCost }
}

/** What one span costs the pipeline's processor, by the services of its request and by its own attributes. */
async function measureSeries({ rounds, say, ingest, direct }: Measuring) {
  const series = async (shapes: readonly Shape[]): Promise<number[]> => {
    const requests = shapes.map((shape) => createRequest(shape, Date.now()))
    const costs = shapes.map((): number[] => [])
    for (let round = 0; round <= rounds; round++)
      for (const [at, request] of requests.entries()) {
        const { pipelineUs } = await ingest(direct, request, SERIES_REQUESTS)
        // The first is for warming up.
        if (round > 0) costs[at]?.push(pipelineUs)
      }
    return costs.map((some) => rounded(median(some)))
  }
  const byServices = await series(SERVICES.map((services) => ({ ...BATCH, services })))
  const byAttributes = await series(ATTRIBUTES.map((attributes) => ({ ...BATCH, attributes })))
  const fit = fitLine(ATTRIBUTES, byAttributes)
  say(
    `by services ${JSON.stringify(byServices)} µs, by attributes ${JSON.stringify(byAttributes)} µs, ${JSON.stringify(fit)}`,
  )
  return {
    spanUsByServices: Object.fromEntries(SERVICES.map((services, at) => [services, byServices[at]])),
    spanUsByAttributes: Object.fromEntries(
      ATTRIBUTES.map((attributes, at) => [attributes, byAttributes[at]]),
    ),
    mostServicesOverOne: rounded((byServices.at(-1) ?? 0) / (byServices[0] ?? 1)),
    attributesFit: fit,
  }
}

/** Least squares; `r2` is 1 where all points lie on the line. */
function fitLine(xs: readonly number[], ys: readonly number[]) {
  const mean = (values: readonly number[]) => values.reduce((all, value) => all + value, 0) / values.length
  const [meanX, meanY] = [mean(xs), mean(ys)]
  const over = (of: (at: number) => number) => xs.reduce((all, _, at) => all + of(at), 0)
  const dx = (at: number) => (xs[at] ?? 0) - meanX
  const dy = (at: number) => (ys[at] ?? 0) - meanY
  const slope = over((at) => dx(at) * dy(at)) / over((at) => dx(at) ** 2)
  const unexplained = over((at) => (dy(at) - slope * dx(at)) ** 2)
  return {
    usPerSpan: rounded(meanY - slope * meanX),
    usPerAttribute: rounded(slope),
    r2: rounded(1 - unexplained / over((at) => dy(at) ** 2)),
  }
}

const rateOf = ({ rows, ms }: Round): number => (rows * 1_000) / ms
const cpuOf = (rounds: readonly Round[]) => ({
  pipeline: rounded(median(rounds.map(({ pipelineUs }) => pipelineUs))),
  nats: rounded(median(rounds.map(({ natsUs }) => natsUs))),
  engine: rounded(median(rounds.map(({ engineUs }) => engineUs))),
})
const median = (values: readonly number[]): number => percentile(values, 0.5)
const rounded = (value: number): number => Number(value.toFixed(3))
