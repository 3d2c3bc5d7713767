import { expect, test } from 'vitest'
import { METRICS, type Metric } from '../../src/seed/metrics/catalogue.ts'
import { METRICS_CATALOGUE } from '../support/metrics/catalogue.ts'

const measured = METRICS_CATALOGUE.flatMap(({ processes, instruments }) =>
  processes.flatMap((process) =>
    instruments.map(({ name, kind, unit, description, bounds }) => ({
      ...{ name, kind, unit, description, service: `holdpoint-${process}` },
      ...(bounds ? { bounds } : {}),
    })),
  ),
)

test.each(Object.entries<Metric>(METRICS))(
  'seed - %s is measured as the processes themselves measure it',
  (_, { scope: __, ...metric }) => {
    expect(
      measured.filter(({ name, service }) => name === metric.name && service === metric.service),
    ).toEqual([metric])
  },
)
