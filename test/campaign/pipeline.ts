import type { RunOptions } from '../support/runner.ts'
import { guards } from './pipeline/guards.ts'

export { guards }

export const summary =
  'Pipelines, nats-server and the store killed and paused under full load: all that was acknowledged is stored, once.'

/** `n` cycles: in each, one process or two at once are killed or paused. */
export async function run({ n = 20, seed, without, say }: RunOptions): Promise<Record<string, unknown>> {
  const { campaign } = await import('./pipeline/campaign.ts')
  const only = guards.find(({ name }) => name === without)?.faults
  return campaign({ cycles: n, seed, say, ...(only ? { only } : {}) })
}
