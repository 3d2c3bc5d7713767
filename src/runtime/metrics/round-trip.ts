import type { Meter } from '@opentelemetry/api'
import { createMeter, type Instrument } from './instrument.ts'

/** What every process with a connection measures of it. */
export const NATS_INSTRUMENTS = {
  roundTrip: {
    name: 'holdpoint.nats.rtt',
    kind: 'gauge',
    unit: 's',
    description:
      'Round trip to the NATS server, asked for when metrics are read; 2 where no answer has come in that time.',
    attributes: {
      connection:
        'which of the process’ connections: `broker` and `agents`, `pipeline` and `telemetry`, `desk`, `channel`',
    },
    across: 'max',
  },
} as const satisfies Record<string, Instrument>

const LONGEST_MS = 2_000

/** A connection, as far as it is measured. */
type Line = { flush(): Promise<void> }

/** Returns how to stop looking. */
export function watchRoundTrip(meter: Meter, connection: string, line: Line): () => void {
  const { roundTrip } = NATS_INSTRUMENTS
  return createMeter(meter).watch([roundTrip], async (observe) =>
    observe(roundTrip, (await measureMs(line)) / 1000, { connection }),
  )
}

/** The client's own is in whole milliseconds, and waits for a line that is down. */
async function measureMs(line: Line): Promise<number> {
  const startedAt = performance.now()
  const late = Promise.withResolvers<number>()
  const timer = setTimeout(late.resolve, LONGEST_MS, LONGEST_MS)
  try {
    const answered = line.flush().then(
      () => performance.now() - startedAt,
      () => LONGEST_MS,
    )
    return await Promise.race([answered, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
