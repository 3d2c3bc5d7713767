import { type PipelineHouse, startPipelineHouse } from '../support/pipeline-house.ts'
import type { Pipeline } from '../support/pipeline-process.ts'
import type { RunOptions } from '../support/runner.ts'
import { createEngineInserts } from './support/engine-inserts.ts'
import { createIngest, type Ingest, type Round } from './support/ingest-round.ts'
import { createRequest, type Request, type Shape } from './support/otlp-load.ts'
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

/**
 * What it costs to verify one span in a hundred, which was held and approved. The load beside it differs in nothing
 * else: its spans are as long, only under names that nobody judges, and the ledger has just as many entries of just
 * such actions. They are there whether or not anybody verifies spans; what it costs a pipeline to read and to copy
 * them is measured by itself, before each round.
 */
async function measureVerification({ rounds, say, ingest, buffered, direct }: Measuring) {
  const held = createRequest({ ...BATCH, heldOneIn: HELD_ONE_IN }, Date.now())
  const plain = createRequest({ ...BATCH, heldOneIn: HELD_ONE_IN, disguised: true }, Date.now())
  await ingest(buffered, held, REQUESTS)
  const of = async (pipeline: Pipeline) => {
    const measured = { held: [] as Round[], plain: [] as Round[] }
    for (let round = 0; round < rounds; round++)
      for (const isHeld of round % 2 === 0 ? [false, true] : [true, false])
        measured[isHeld ? 'held' : 'plain'].push(await ingest(pipeline, isHeld ? held : plain, REQUESTS))
    const cpuUs = (some: readonly Round[]) => mean(some.map(({ pipelineUs }) => pipelineUs))
    const ms = (some: readonly Round[]) => median(some.map((one) => one.ms))
    return {
      elapsed: rounded(ms(measured.held) / ms(measured.plain) - 1),
      pipelineCpu: rounded(cpuUs(measured.held) / cpuUs(measured.plain) - 1),
      heldSpanUs: rounded(((cpuUs(measured.held) - cpuUs(measured.plain)) * held.spans) / held.held),
      ledgerEntryUs: rounded(median([...measured.held, ...measured.plain].map((one) => one.ledgerUs ?? 0))),
      sentAgain: [...measured.held, ...measured.plain].reduce((all, { again }) => all + again, 0),
    }
  }
  const verificationCost = {
    heldOneIn: HELD_ONE_IN,
    buffered: await of(buffered),
    direct: await of(direct),
  }
  say(`verification costs ${JSON.stringify(verificationCost)}`)
  return { verificationCost }
}

/**
 * What one span costs the pipeline's processor, by the services of its request and by its own attributes. A service
 * says of itself once what its spans do not say: with a thousand of them a request of as many spans is longer by
 * that, which is measured with the rest, and its bytes are said beside it.
 */
async function measureSeries({ rounds, say, ingest, direct }: Measuring) {
  const series = async (shapes: readonly Shape[]) => {
    const requests = shapes.map((shape) => createRequest(shape, Date.now()))
    const costs = shapes.map((): number[] => [])
    for (let round = 0; round <= rounds; round++)
      for (const nth of shapes.keys()) {
        // Each comes first, and each last: what the one before has left to be collected falls on all alike.
        const at = (nth + round) % shapes.length
        const { pipelineUs } = await ingest(direct, requests[at] as Request, SERIES_REQUESTS)
        // The first is for warming up.
        if (round > 0) costs[at]?.push(pipelineUs)
      }
    return {
      us: costs.map((some) => rounded(mean(some))),
      bytes: requests.map(({ bytes, spans }) => Math.round(bytes.length / spans)),
    }
  }
  const byServices = await series(SERVICES.map((services) => ({ ...BATCH, services })))
  const byAttributes = await series(ATTRIBUTES.map((attributes) => ({ ...BATCH, attributes })))
  const fit = fitLine(ATTRIBUTES, byAttributes.us)
  say(
    `by services ${JSON.stringify(byServices)}, by attributes ${JSON.stringify(byAttributes)}, ${JSON.stringify(fit)}`,
  )
  const ofServices = (values: readonly number[]) =>
    Object.fromEntries(SERVICES.map((services, at) => [services, values[at]]))
  return {
    spanUsByServices: ofServices(byServices.us),
    spanBytesByServices: ofServices(byServices.bytes),
    spanUsByAttributes: Object.fromEntries(
      ATTRIBUTES.map((attributes, at) => [attributes, byAttributes.us[at]]),
    ),
    mostServicesOverOne: rounded((byServices.us.at(-1) ?? 0) / (byServices.us[0] ?? 1)),
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
/** Of processor time: nothing else that the machine does counts in it, and the garbage collector's turns are rare. */
const mean = (values: readonly number[]): number =>
  values.reduce((all, value) => all + value, 0) / values.length
const median = (values: readonly number[]): number => percentile(values, 0.5)
const rounded = (value: number): number => Number(value.toFixed(3))
