import type { RunOptions } from '../support/runner.ts'

export { guards } from './pipeline/guards.ts'

export const summary =
  'Pipelines, nats-server and the store killed and paused under full load: all that was acknowledged is stored, once.'

/** `n` cycles: in each, one process or two at once are killed or paused. */
export async function run({ n = 20, seed, say }: RunOptions): Promise<Record<string, unknown>> {
  const { campaign } = await import('./pipeline/campaign.ts')
  return campaign({ cycles: n, seed, mode: 'buffered', say })
}
