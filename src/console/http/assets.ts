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
/** In this order: later rules win. */
const STYLES =
  'base elements frame controls badges lists tables request decide timeline trace pages window'.split(' ')

/** Read once. Their addresses carry a digest of what is in them, so that browsers may keep them for ever. */
export function readAssets(): { urls: AssetUrls; find(path: string): Asset | undefined } {
  const byPath = new Map<string, Asset>()
  const add = (name: string, type: string, ...files: readonly string[]): string => {
    const bytes = Uint8Array.from(Buffer.concat(files.map((file) => readFileSync(new URL(file, FOLDER)))))
    const path = `/assets/${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}/${name}`
    byPath.set(path, { bytes, type })
    return path
  }
  const urls = {
    style: add('console.css', 'text/css; charset=utf-8', ...STYLES.map((name) => `style/${name}.css`)),
    script: add('console.js', 'text/javascript; charset=utf-8', 'console.js'),
    icon: add('icon.svg', 'image/svg+xml', 'icon.svg'),
  }
  return { urls, find: (path) => byPath.get(path) }
}
