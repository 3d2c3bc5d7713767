import { existsSync, readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseDocument } from 'yaml'
import { check, HoldpointError, type Path } from '#contract'
import { type ConfigFile, openConfigFile } from './config-file.ts'
import { type Config, listSettings, type Setting, secretFileKey, variableOf } from './config-keys.ts'
import { unknownKeys, unknownVariables } from './config-unknown.ts'

export interface ConfigSources {
  env: NodeJS.ProcessEnv
  /** The folder in which holdpoint.yaml is looked for. */
  cwd: string
  /** Another file; also HOLDPOINT_CONFIG. A file that is named must exist. */
  file?: string | undefined
}

/**
 * Reads holdpoint.yaml and HOLDPOINT_… once; a variable beats the file. Throws INVALID_CONFIG with every
 * problem on a line of its own: the key, where it stands, what was found and what was expected.
 */
export function readConfig(sources: ConfigSources): Config {
  const problems: string[] = []
  const file = findFile(sources, problems)
  if (file) problems.push(...file.problems, ...unknownKeys(file))
  problems.push(...unknownVariables(sources.env))

  const config: Record<string, unknown> = {}
  for (const [key, setting] of listSettings()) {
    const found = fromVariable(key, setting, sources, problems) ?? fromFile(key, setting, file, problems)
    put(config, key, finish(found, setting, sources.cwd, problems))
  }
  if (problems.length > 0) throw new HoldpointError('INVALID_CONFIG', explain(problems))
  return deepFreeze(config) as Config
}

/** A value, and all that a message about it or the resolving of a path needs. */
interface Found {
  value: unknown
  key: readonly string[]
  base: string
  place: (path: Path) => string
}

function fromVariable(
  key: readonly string[],
  setting: Setting<unknown>,
  { env, cwd }: ConfigSources,
  problems: string[],
): Found | undefined {
  const name = variableOf(key)
  const written = env[name]
  const secretFile = setting.kind === 'secret' ? env[`${name}_FILE`] : undefined
  if (written && secretFile) problems.push(`${name} and ${name}_FILE are both set; only one of them may be`)
  if (secretFile) return fromSecretFile(key, resolve(cwd, secretFile), () => `${name}_FILE`, problems)
  // Like OpenTelemetry's variables: empty is the same as not set.
  if (!written) return undefined
  const value = setting.kind === 'value' ? parseDocument(written).toJS() : written
  return { value, key, base: cwd, place: () => name }
}

function fromFile(
  key: readonly string[],
  setting: Setting<unknown>,
  file: ConfigFile | undefined,
  problems: string[],
): Found | undefined {
  if (!file) return undefined
  const base = dirname(file.name)
  const value = file.get(key)
  if (setting.kind === 'secret') {
    const fileKey = secretFileKey(key)
    const path = file.get(fileKey)
    if (path !== undefined && value !== undefined)
      problems.push(
        `${fileKey.join('.')} (${file.place(fileKey)}) and ${key.join('.')} are both set; only one may be`,
      )
    if (typeof path === 'string')
      return fromSecretFile(key, resolve(base, path), () => file.place(fileKey), problems)
    if (path !== undefined)
      problems.push(`${fileKey.join('.')} (${file.place(fileKey)}) must be the path of a file`)
  }
  if (value === undefined) return undefined
  return { value, key, base, place: (inside) => file.place([...key, ...inside]) }
}

function fromSecretFile(
  key: readonly string[],
  path: string,
  place: () => string,
  problems: string[],
): Found | undefined {
  try {
    return { value: readFileSync(path, 'utf8').trimEnd(), key, base: dirname(path), place }
  } catch (error) {
    problems.push(
      `${key.join('.')} (${place()}): ${path} cannot be read: ${(error as NodeJS.ErrnoException).code}`,
    )
    return undefined
  }
}

function finish(
  found: Found | undefined,
  setting: Setting<unknown>,
  cwd: string,
  problems: string[],
): unknown {
  if (!found)
    return setting.kind === 'path' && setting.preset ? resolve(cwd, String(setting.preset)) : setting.preset
  const checked = check(setting.shape, found.value)
  if (!checked.ok) {
    for (const problem of checked.problems) {
      const key = [...found.key, ...problem.path].join('.')
      const shown = setting.kind === 'secret' ? 'not usable' : problem.found
      problems.push(`${key} (${found.place(problem.path)}) is ${shown}, expected ${problem.expected}`)
    }
    return undefined
  }
  return setting.kind === 'path' ? resolve(found.base, String(checked.value)) : checked.value
}

function findFile({ env, cwd, file: given }: ConfigSources, problems: string[]): ConfigFile | undefined {
  const named = given ?? (env.HOLDPOINT_CONFIG || undefined)
  const path = resolve(cwd, named ?? 'holdpoint.yaml')
  if (!named && !existsSync(path)) return undefined
  try {
    return openConfigFile(path, readFileSync(path, 'utf8'))
  } catch (error) {
    problems.push(`${path} cannot be read: ${(error as Error).message}`)
    return undefined
  }
}

const explain = (problems: readonly string[]): string =>
  [`the configuration has ${problems.length} problem${problems.length > 1 ? 's' : ''}:`, ...problems].join(
    '\n  ',
  )

function put(target: Record<string, unknown>, key: readonly string[], value: unknown): void {
  const [name, ...rest] = key as [string, ...string[]]
  if (rest.length === 0) target[name] = value
  else {
    target[name] ??= {}
    put(target[name] as Record<string, unknown>, rest, value)
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) deepFreeze(member)
  return Object.freeze(value)
}
