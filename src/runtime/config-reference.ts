import { stringify } from 'yaml'
import { listSettings, variableOf } from './config-keys.ts'

/** A holdpoint.yaml that says of each key what it is, its preset and its variable; everything commented out. */
export function configReference(): string {
  const lines = [
    '# Every key of holdpoint.yaml. Each may also be given as the variable named beside it, which beats the file.',
    '# A wrong key or value stops the start. Paths are relative to the file (or the folder, for a variable).',
  ]
  let open: string[] = []
  for (const [key, { about, preset, kind }] of listSettings()) {
    const group = key.slice(0, -1)
    if (group.join('.') !== open.join('.'))
      lines.push('', ...group.map((name, depth) => `${'  '.repeat(depth)}# ${name}:`))
    else if (group.length === 0) lines.push('')
    open = group
    const indent = '#   '.padEnd(2 + 2 * group.length)
    const name = key.at(-1)
    lines.push(`${indent}# ${about} ${variableOf(key)}`)
    lines.push(`${indent}${name}:${preset === undefined ? '' : ` ${stringify(preset).trim()}`}`)
    if (kind === 'secret') lines.push(`${indent}${name}File:`)
  }
  return `${lines.join('\n')}\n`
}
