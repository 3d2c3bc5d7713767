import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Guard, isRemoved, runWithout } from './guards.ts'

/** What a file of test/bench or test/campaign exports. */
export interface Runnable {
  /** One sentence for --list. */
  summary: string
  /** The protections that `--without` can take away. */
  guards?: readonly Guard[]
  /** Resolves to the fields of the last line; says what it is doing through `say`. */
  run(options: RunOptions): Promise<Record<string, unknown>>
}

export interface RunOptions {
  /** How many; `undefined` leaves it to the run. */
  n: number | undefined
  /** The same seed, the same run. */
  seed: number
  /** The one guard that is taken away, so that the run must find violations. */
  without: string | undefined
  /** To standard error: standard output belongs to the result. */
  say: (line: string) => void
}

/** Runs the file of `folder` that the arguments name. Resolves to the exit code. */
export async function runNamed(folder: string, argv: readonly string[]): Promise<0 | 1 | 2> {
  const names = readdirSync(folder).flatMap((file) => /^(?!run\.)([\w-]+)\.ts$/.exec(file)?.[1] ?? [])
  const load = async (name: string) => (await import(join(folder, `${name}.ts`))) as Runnable
  const read = readArguments(argv)
  if ('problem' in read) return wrong(read.problem, names)
  const { name, list, json, ...given } = read
  if (list && name === undefined) {
    for (const one of names) process.stdout.write(describeShortly(one, await load(one)))
    return 0
  }
  if (name === undefined || !names.includes(name)) return wrong(`"${name ?? ''}" is none of them`, names)
  const runnable = await load(name)
  if (list) {
    process.stdout.write(describe(name, runnable))
    return 0
  }
  const guard = runnable.guards?.find((one) => one.name === given.without)
  if (guard && !isRemoved(guard)) return runWithout(guard, join(folder, 'run.ts'), argv)
  if (!guard && given.without !== undefined)
    return wrong(`${name} has no guard "${given.without}"`, namesOf(runnable))

  const say = (line: string) => void process.stderr.write(`${line}\n`)
  const fields = await runnable.run({ ...given, say })
  if (json) process.stdout.write(`${JSON.stringify({ name, ...fields })}\n`)
  else
    for (const [field, value] of Object.entries(fields))
      process.stdout.write(`${field}  ${JSON.stringify(value)}\n`)
  return typeof fields.violations === 'number' && fields.violations > 0 ? 1 : 0
}

const namesOf = ({ guards = [] }: Runnable): string[] => guards.map((guard) => guard.name)

const FEW_GUARDS = 8

function describeShortly(name: string, runnable: Runnable): string {
  const guards = namesOf(runnable)
  const many = guards.length > FEW_GUARDS ? `${guards.length}, see ${name} --list` : guards.join(', ')
  return `${name}  ${runnable.summary}${guards.length > 0 ? ` Guards: ${many}.` : ''}\n`
}

function describe(name: string, { summary, guards = [] }: Runnable): string {
  const lines = guards.map((guard) => `  ${guard.name}  ${guard.about} (${guard.file})\n`)
  return `${name}  ${summary}\n${lines.join('')}`
}

type Arguments = { name: string | undefined; list: boolean; json: boolean } & Omit<RunOptions, 'say'>

function readArguments(argv: readonly string[]): Arguments | { problem: string } {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean', default: false } as const
  try {
    const options = { n: text, seed: text, without: text, json: flag, list: flag }
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    const n = values.n === undefined ? undefined : Number(values.n)
    const seed = values.seed === undefined ? 1 : Number(values.seed)
    if (n !== undefined && !(Number.isSafeInteger(n) && n > 0))
      return { problem: `--n is ${values.n}, expected a number` }
    if (!Number.isSafeInteger(seed)) return { problem: `--seed is ${values.seed}, expected a whole number` }
    const { json, list, without } = values
    return { name: positionals[0], list, json, n, seed, without }
  } catch (error) {
    return { problem: (error as Error).message }
  }
}

function wrong(problem: string, known: readonly string[]): 2 {
  process.stderr.write(`${problem}; there is: ${known.join(', ') || 'nothing yet'}\n`)
  process.stderr.write('usage: NAME [--n N] [--seed S] [--without GUARD] [--json] | [NAME] --list\n')
  return 2
}
