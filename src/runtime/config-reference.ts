import { stringify } from 'yaml'
import { listSettings, variableOf } from './config-keys.ts'

/** A holdpoint.yaml with every key at its preset; what has none is commented out. */
export function configReference(): string {
  const lines = [
    '# Every key of holdpoint.yaml with its preset. The variable named beside a key beats the file.',
    '# A wrong key or value stops the start. Paths are relative to the file that names them.',
  ]
  let open: string[] = []
  for (const [key, { about, preset, kind }] of listSettings()) {
    const group = key.slice(0, -1)
    const shared = group.findIndex((name, depth) => name !== open[depth])
    const opened = (shared < 0 ? [] : group.slice(shared)).map(
      (name, at) => `${'  '.repeat(shared + at)}${name}:`,
    )
    if (opened.length > 0 || group.length === 0) lines.push('', ...opened)
    open = group
    const indent = '  '.repeat(group.length)
    const name = key.at(-1)
    lines.push(`${indent}# ${about} ${variableOf(key)}`)
    lines.push(preset === undefined ? `${indent}# ${name}:` : `${indent}${name}: ${stringify(preset).trim()}`)
    if (kind === 'secret') lines.push(`${indent}# ${name}File:`)
  }
  return `${lines.join('\n')}\n`
}
