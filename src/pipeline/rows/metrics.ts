import type { RowBlock } from '#store'
import { secondsAt } from '../otlp/time.ts'
import { createRowWriter } from '../row-binary.ts'
import { createBlocks } from './blocks.ts'
import { createFields } from './fields.ts'
import { eachScope } from './groups.ts'
import { KINDS, SHARED_COLUMNS } from './metric-kinds.ts'
import { createPointCopier } from './points.ts'
import { numberAt } from './values.ts'

const METRIC = { name: 1, description: 2, unit: 3 } as const
const DATA = { points: 1, temporality: 2, isMonotonic: 3 } as const
const POINT = { start: 2, time: 3 } as const
const DAY_S = 86_400

/**
 * The rows of the five tables `otel_metrics_*`, as the Collector's ClickHouse exporter writes them, in blocks of the
 * size of an insert. `bodies` are ExportMetricsServiceRequests. Throws INVALID_INPUT where one is not.
 */
export function* metricBlocks(bodies: readonly Uint8Array[]): Generator<RowBlock> {
  const kinds = KINDS.map((kind) => ({
    ...kind,
    blocks: createBlocks({ table: kind.table, columns: [...SHARED_COLUMNS, ...kind.columns] }),
  }))
  const metric = createFields()
  const data = createFields()
  const point = createFields()
  const copier = createPointCopier()
  const writer = createRowWriter()

  for (const { body, items, shared, droppedAttributes } of eachScope('metrics', bodies))
    for (const { from, to } of items) {
      metric.read(body, from, to)
      const kind = kinds.find(({ no }) => metric.count(no) > 0)
      if (kind === undefined) continue
      writer.encoded(shared)
      writer.uint32(droppedAttributes)
      for (const no of [METRIC.name, METRIC.description, METRIC.unit])
        writer.copy(body, metric.at(no), metric.to(no))
      const ofMetric = writer.take()
      data.read(body, metric.at(kind.no), metric.to(kind.no))
      const about = {
        temporality: numberAt(body, data.at(DATA.temporality)),
        isMonotonic: numberAt(body, data.at(DATA.isMonotonic)) !== 0,
      }
      const points: { from: number; to: number }[] = []
      data.each(DATA.points, (from, to) => points.push({ from, to }))
      for (const { from, to } of points) {
        point.read(body, from, to)
        const row = kind.blocks.writer()
        const rowAt = row.at
        const seconds = secondsAt(body, point.at(POINT.time))
        row.encoded(ofMetric)
        row.uint32(secondsAt(body, point.at(POINT.start)))
        row.uint32(seconds)
        copier.attributes(row, body, point, kind.attribute)
        row.uint32(numberAt(body, point.at(kind.flags)) >>> 0)
        kind.write(row, body, point, copier, about)
        kind.blocks.endRow(Math.floor(seconds / DAY_S), row.at - rowAt)
        yield* kind.blocks.closed()
      }
    }
  for (const { blocks } of kinds) yield* blocks.finish()
}
