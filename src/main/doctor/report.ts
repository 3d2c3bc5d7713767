import { visible } from '#contract'
import type { Finding, Level } from './finding.ts'

const MARK: Record<Level, string> = { ok: 'ok', assumed: 'assumed', warning: 'WARNING', fault: 'FAULT' }

/** For people: one line for each finding, and below a complaint why it matters and what mends it. */
export function reportOf(findings: readonly Finding[]): string {
  const widest = Math.max(0, ...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, level, what, why, mend }) => {
    const indent = ' '.repeat(MARK.warning.length + 2 + widest + 2)
    return [
      `${MARK[level].padEnd(MARK.warning.length)}  ${check.padEnd(widest)}  ${visible(what)}`,
      ...(why === undefined ? [] : [`${indent}why   ${visible(why)}`]),
      ...(mend === undefined ? [] : [`${indent}mend  ${visible(mend)}`]),
    ]
  })
  return `${[...lines, '', summaryOf(findings)].join('\n')}\n`
}

function summaryOf(findings: readonly Finding[]): string {
  const { ok, assumed, warning, fault } = countsOf(findings)
  return `${fault} ${fault === 1 ? 'fault' : 'faults'}, ${warning} ${warning === 1 ? 'warning' : 'warnings'}, ${assumed} assumed, ${ok} ok`
}

export function countsOf(findings: readonly Finding[]): Record<Level, number> {
  const counts: Record<Level, number> = { ok: 0, assumed: 0, warning: 0, fault: 0 }
  for (const { level } of findings) counts[level]++
  return counts
}
