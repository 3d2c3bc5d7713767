import { AsyncLocalStorage } from 'node:async_hooks'
import type { Sent } from './sent.ts'

/**
 * What a released action of another kind sends over HTTP is no second action: exactly that request passes, once. Another
 * path, another host or a second one inside is ruled on by itself.
 */
interface Cover {
  request: string
  isUsed: boolean
}

const covers = new AsyncLocalStorage<Cover>()

const keyOf = ({ method, origin, path }: Pick<Sent, 'method' | 'origin' | 'path'>): string =>
  `${method.toUpperCase()} ${origin}${path}`

export const runCoveredRequest = <T>(request: Pick<Sent, 'method' | 'origin' | 'path'>, run: () => T): T =>
  covers.run({ request: keyOf(request), isUsed: false }, run)

export function takeRequestCover(sent: Sent): boolean {
  const cover = covers.getStore()
  if (cover === undefined || cover.isUsed || sent.isConnectedByProgram === true) return false
  if (cover.request !== keyOf(sent)) return false
  cover.isUsed = true
  return true
}
