import type { ConfigFile } from './config-file.ts'
import { isSetting, listSettings, SETTINGS, secretFileKey, variableOf } from './config-keys.ts'
import { didYouMean } from './suggest.ts'

/** Keys of the file that are none of ours, each with its place and what it may have meant. */
export function unknownKeys(file: ConfigFile): string[] {
  const secrets = listSettings().filter(([, setting]) => setting.kind === 'secret')
  const secretFiles = new Set(secrets.map(([key]) => secretFileKey(key).join('.')))
  const visit = (tree: object, at: string[]): string[] =>
    file.keys(at).flatMap((name) => {
      const key = [...at, name]
      const node = Object.hasOwn(tree, name) ? (tree as typeof SETTINGS)[name as 'nats'] : undefined
      if (secretFiles.has(key.join('.'))) return []
      if (node === undefined) {
        const known = Object.keys(tree)
        return [
          `${key.join('.')} (${file.place(key)}) is no key${didYouMean(name, known)} (known here: ${known.join(', ')})`,
        ]
      }
      if (isSetting(node)) return []
      if (file.isMapping(key)) return visit(node, key)
      return file.get(key) === null ? [] : [`${key.join('.')} (${file.place(key)}) must be a mapping of keys`]
    })
  return visit(SETTINGS, [])
}

/** Of agents, of the command line and of Kubernetes, exactly so; they are no keys, and lie too near to some. */
const ELSEWHERE = [
  ...['HOLDPOINT_AGENT', 'HOLDPOINT_CREDENTIALS', 'HOLDPOINT_TOKEN'],
  ...['HOLDPOINT_SERVICE_HOST', 'HOLDPOINT_SERVICE_PORT'],
]

/**
 * A variable that is nearly one of ours is a slip and stops the start. Others pass: agents, tests and set-up
 * have HOLDPOINT_ variables of their own, and Kubernetes adds some for every service called holdpoint.
 */
export function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  const known = ['HOLDPOINT_CONFIG', 'HOLDPOINT_CACHE', 'HOLDPOINT_NATS_SERVER', 'HOLDPOINT_VECTORS']
  for (const [key, { kind }] of listSettings()) {
    known.push(variableOf(key))
    if (kind === 'secret') known.push(`${variableOf(key)}_FILE`)
  }
  return Object.keys(env)
    .filter((name) => name.startsWith('HOLDPOINT_') && !known.includes(name) && !ELSEWHERE.includes(name))
    .flatMap((name) => {
      const hint = didYouMean(name, known)
      return hint === '' ? [] : [`the variable ${name} is unknown${hint}`]
    })
}
