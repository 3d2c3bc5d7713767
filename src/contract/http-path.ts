/** Nothing that any server could read otherwise. */
const PLAIN = /^(?:\/[A-Za-z0-9_~!$&'()*+,=:@-]+(?:\.+[A-Za-z0-9_~!$&'()*+,=:@-]+)*)*\/?$/

/**
 * A path as it is sent, and after it as servers may read it, the most thorough reading last: percent signs resolved (by
 * some twice) and dots, several slashes taken for one, a backslash for a slash; what stands behind a semicolon taken off.
 */
export function pathSpellings(path: string): string[] {
  if (PLAIN.test(path)) return [path]
  const bare = path.split('#', 1)[0] as string
  const read = decodePercents(bare)
  const slashed = read.replaceAll('\\', '/')
  const merged = mergeSlashes(slashed)
  const all = [
    path,
    bare,
    read,
    slashed,
    mergeSlashes(decodePercents(slashed)),
    merged,
    mergeSlashes(slashed.replace(/;[^/]*/g, '')),
  ]
  return [...new Set([...all, ...all.map((one) => decodePercents(withoutDots(one)))])]
}

/** Whether they differ in more than how they are written. */
export const isAmbiguousPath = (path: string): boolean =>
  new Set(pathSpellings(path).map(decodePercents)).size > 1

const mergeSlashes = (path: string): string => path.replace(/\/{2,}/g, '/')

const withoutDots = (path: string): string => URL.parse(`http://x${path}`)?.pathname ?? path

/** A percent sign that begins nothing stays one, and what is no UTF-8 keeps nothing else from being read. */
const decodePercents = (path: string): string =>
  path.replace(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  )
