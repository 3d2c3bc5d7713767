/** Nobody is left alone for longer, whatever they ask for. */
const LONGEST_MS = 5 * 60_000

/** When to come again, out of a Retry-After (RFC 9110, 10.2.3: seconds or a date); `undefined` where it says nothing. */
export function retryAtMs(header: string | null, nowMs: number): number | undefined {
  const text = header?.trim() ?? ''
  const atMs = /^\d+$/.test(text) ? nowMs + Number(text) * 1000 : Date.parse(text)
  return Number.isNaN(atMs) ? undefined : Math.min(atMs, nowMs + LONGEST_MS)
}
