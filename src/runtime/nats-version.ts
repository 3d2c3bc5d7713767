/** In each line the first server that keeps what it has acknowledged and has no known way around its permissions. */
const FIRST_SAFE: Readonly<Record<string, number>> = { '2.12': 15, '2.14': 5 }
const EVERY_LATER_LINE_SINCE = [2, 15] as const

const KNOWN_FAULTS =
  'CVE-2026-33222, CVE-2026-33246 and CVE-2026-33249 (fixed in 2.12.6), a way around the authentication of routes ' +
  '(2.12.7), and acknowledged writes that a crash may lose (2.10.23, 2.12.3)'

/**
 * Why no decision should rest on this nats-server; undefined where one may. What cannot be read as a version, and what
 * comes before a release (`2.14.5-RC.1`), is refused, too.
 */
export function versionRefusal(version: string): string | undefined {
  const [, major, minor, patch, before] = /^v?(\d+)\.(\d+)\.(\d+)(-.+)?$/.exec(version) ?? []
  if (patch === undefined)
    return `it says that its version is ${JSON.stringify(version)}, expected one such as 2.15.1`
  const [sinceMajor, sinceMinor] = EVERY_LATER_LINE_SINCE
  const isLater = Number(major) > sinceMajor || (Number(major) === sinceMajor && Number(minor) >= sinceMinor)
  const first = isLater ? 0 : (FIRST_SAFE[`${major}.${minor}`] ?? Number.POSITIVE_INFINITY)
  const isSafe = Number(patch) > first || (Number(patch) === first && before === undefined)
  return isSafe
    ? undefined
    : `nats-server ${version} has known faults, expected 2.12.15, 2.14.5, 2.15 or newer: ${KNOWN_FAULTS}`
}
