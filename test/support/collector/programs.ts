import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { digestBytes, digestHex } from '#contract'

const root = resolve(import.meta.dirname, '../../..')
export const BUILDER_FILE = join(root, 'deploy/collector/builder.yaml')

export const PROGRAMS = { collector: 'otelcol', telemetrygen: 'telemetrygen' } as const

export function collectorVersion(): string {
  const version = /^ {2}version: (\d+\.\d+\.\d+)$/m.exec(readFileSync(BUILDER_FILE, 'utf8'))?.[1]
  if (version === undefined) throw new Error(`${BUILDER_FILE}: expected dist.version`)
  return version
}

/** Where the built programs are, or would be: another list of components is another Collector. */
export function collectorFolder(env: NodeJS.ProcessEnv = process.env): string {
  const list = digestHex(digestBytes(readFileSync(BUILDER_FILE))).slice(0, 8)
  return join(resolve(root, env.HOLDPOINT_CACHE || '.cache'), `collector-${collectorVersion()}-${list}`)
}

/** `undefined` where they have not been built: `npm run test:collector` does. */
export function findCollector(): { collector: string; telemetrygen: string } | undefined {
  const folder = collectorFolder()
  if (!existsSync(folder)) return undefined
  return { collector: join(folder, PROGRAMS.collector), telemetrygen: join(folder, PROGRAMS.telemetrygen) }
}
