import type { NatsConnection } from '@nats-io/transport-node'
import { metrics } from '@opentelemetry/api'
import { createMeter, type Instrument } from '#runtime'

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

/** Returns how to stop looking. */
export function watchRoundTrip(connection: string, nc: NatsConnection): () => void {
  const { roundTrip } = NATS_INSTRUMENTS
  return createMeter(metrics.getMeter('holdpoint.nats')).watch([roundTrip], async (observe) =>
    observe(roundTrip, (await measureMs(nc)) / 1000, { connection }),
  )
}

/** The client's own is in whole milliseconds, and waits for a line that is down. */
async function measureMs(nc: NatsConnection): Promise<number> {
  const startedAt = performance.now()
  const late = Promise.withResolvers<number>()
  const timer = setTimeout(late.resolve, LONGEST_MS, LONGEST_MS)
  try {
    const answered = nc.flush().then(
      () => performance.now() - startedAt,
      () => LONGEST_MS,
    )
    return await Promise.race([answered, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
