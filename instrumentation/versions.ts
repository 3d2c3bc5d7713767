const COMPARATOR = /^(>=|>|<=|<|=)?(\d+)(?:\.(\d+))?(?:\.(\d+))?$/

/**
 * Whether a version lies within a range such as `>=7.50 <8`, whose parts must all hold; `||` separates alternatives.
 * A pre-release counts as the version that it leads to. A version that cannot be read lies in no range.
 * Throws TypeError for a range that is none.
 */
export function isWithin(version: string, range: string): boolean {
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(version)
  const numbers = found?.slice(1).map(Number)
  const alternatives = range.split('||').map((one) => one.trim().split(/\s+/).map(comparatorOf))
  return numbers !== undefined && alternatives.some((all) => all.every((holds) => holds(numbers)))
}

function comparatorOf(text: string): (version: number[]) => boolean {
  const [, sign = '=', ...parts] = COMPARATOR.exec(text) ?? []
  if (parts.length === 0)
    throw new TypeError(`"${text}" is no part of a version range, expected for example >=7.50 or <8`)
  const wanted = parts.map((part) => Number(part ?? 0))
  return (version) => SIGNS[sign as keyof typeof SIGNS](compare(version, wanted))
}

const SIGNS = {
  '>=': (order: number) => order >= 0,
  '>': (order: number) => order > 0,
  '<=': (order: number) => order <= 0,
  '<': (order: number) => order < 0,
  '=': (order: number) => order === 0,
}

function compare(a: number[], b: number[]): number {
  const index = a.findIndex((part, at) => part !== b[at])
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0)
}
