import { API_INSTRUMENTS } from '#api'
import { BROKER_INSTRUMENTS } from '#broker'
import { PIPELINE_INSTRUMENTS } from '#pipeline'
import { type Instrument, NATS_INSTRUMENTS, PROCESS_INSTRUMENTS } from '#runtime'

/** The processes that measure; `holdpoint up` is all of them in one. */
export const MEASURING = ['broker', 'pipeline', 'desk'] as const

export interface MetricsGroup {
  title: string
  processes: readonly (typeof MEASURING)[number][]
  instruments: readonly Instrument[]
}

/** Every metric that there is, by where it is measured. */
export const METRICS_CATALOGUE: readonly MetricsGroup[] = [
  { title: 'The broker', processes: ['broker'], instruments: Object.values(BROKER_INSTRUMENTS) },
  { title: 'The desk', processes: ['desk'], instruments: Object.values(API_INSTRUMENTS) },
  { title: 'The pipeline', processes: ['pipeline'], instruments: Object.values(PIPELINE_INSTRUMENTS) },
  {
    title: 'Every process',
    processes: MEASURING,
    instruments: [...Object.values(NATS_INSTRUMENTS), ...Object.values(PROCESS_INSTRUMENTS)],
  },
]
