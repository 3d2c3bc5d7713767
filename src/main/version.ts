import { readFileSync } from 'node:fs'

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
  description: string
}

export const VERSION = manifest.version
/** What Holdpoint is, in one sentence. */
export const SUMMARY = manifest.description
