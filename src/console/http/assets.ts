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
  'base elements frame controls badges lists tables request decide timeline trace pages investigate window'.split(
    ' ',
  )

/** Read once. Their addresses carry a digest of what is in them, so that browsers may keep them for ever. */
export function readAssets(): { urls: AssetUrls; find(path: string): Asset | undefined } {
  const byPath = new Map<string, Asset>()
  const read = (...files: readonly string[]): Buffer =>
    Buffer.concat(files.map((file) => readFileSync(new URL(file, FOLDER))))
  const add = (digest: string, name: string, type: string, bytes: Buffer): string => {
    const path = `/assets/${digest}/${name}`
    byPath.set(path, { bytes: Uint8Array.from(bytes), type })
    return path
  }
  const style = read(...STYLES.map((name) => `style/${name}.css`))
  const icon = read('icon.svg')
  const script = read('console.js')
  const urls = {
    style: add(digestOf(style), 'console.css', 'text/css; charset=utf-8', style),
    script: add(digestOf(script), 'console.js', 'text/javascript; charset=utf-8', script),
    icon: add(digestOf(icon), 'icon.svg', 'image/svg+xml', icon),
  }
  return { urls, find: (path) => byPath.get(path) }
}

const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16)
