import type { Meter } from '@opentelemetry/api'
import { createMeter, type Instrument } from './instrument.ts'

/** https://opentelemetry.io/docs/specs/semconv/system/process-metrics/ */
export const PROCESS_INSTRUMENTS = {
  uptime: {
    name: 'process.uptime',
    kind: 'gauge',
    unit: 's',
    description: 'For how long the process has run.',
    attributes: {},
    across: 'max',
  },
  cpu: {
    name: 'process.cpu.time',
    kind: 'counter',
    unit: 's',
    description: 'Processor time that the process has used.',
    attributes: { 'cpu.mode': '`user` or `system`' },
  },
  memory: {
    name: 'process.memory.usage',
    kind: 'updown',
    unit: 'By',
    description: 'Memory that the process holds in RAM.',
    attributes: {},
  },
} as const satisfies Record<string, Instrument>

/** Returns how to stop. */
export function watchProcess(meter: Meter): () => void {
  const { uptime, cpu, memory } = PROCESS_INSTRUMENTS
  return createMeter(meter).watch([uptime, cpu, memory], (observe) => {
    const used = process.cpuUsage()
    observe(uptime, process.uptime())
    observe(cpu, used.user / 1e6, { 'cpu.mode': 'user' })
    observe(cpu, used.system / 1e6, { 'cpu.mode': 'system' })
    observe(memory, process.memoryUsage.rss())
  })
}
