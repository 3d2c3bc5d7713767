import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

export interface Asset {
  bytes: Uint8Array<ArrayBuffer>
  type: string
}
export interface AssetUrls {
  style: string
  script: string
  icon: string
}

const FOLDER = new URL('../assets/', import.meta.url)
const FILES = {
  style: ['console.css', 'text/css; charset=utf-8'],
  script: ['console.js', 'text/javascript; charset=utf-8'],
  icon: ['icon.svg', 'image/svg+xml'],
} as const

/** Read once. Their addresses carry a digest of what is in them, so that browsers may keep them for ever. */
export function readAssets(): { urls: AssetUrls; find(path: string): Asset | undefined } {
  const byPath = new Map<string, Asset>()
  const add = (file: string, type: string): string => {
    const bytes = Uint8Array.from(readFileSync(new URL(file, FOLDER)))
    const path = `/assets/${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}/${file}`
    byPath.set(path, { bytes, type })
    return path
  }
  const urls = { style: add(...FILES.style), script: add(...FILES.script), icon: add(...FILES.icon) }
  return { urls, find: (path) => byPath.get(path) }
}
