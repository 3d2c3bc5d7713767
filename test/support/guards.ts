import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** One place of the source, and how it reads instead while a campaign looks for what that costs. */
export interface Edit {
  /** From the project's root. */
  file: string
  /** Occurs exactly once, so that the edit cannot hit something else after the source has changed. */
  find: string
  replace: string
  /** For what occurs several times: which of them, from 0. */
  occurrence?: number
}

/**
 * One named check of production code. Taking it away has to make the campaign fail: otherwise the campaign proves
 * nothing about it. Production code has no switch for this; its text is changed while it is loaded.
 */
export interface Guard extends Edit {
  name: string
  /** What it protects from, in one sentence. */
  about: string
  /** Where two layers keep the same promise, each alone: the other one, which has to go as well. */
  and?: readonly Edit[]
}

export const ROOT = resolve(import.meta.dirname, '../..')
const HOOKS = pathToFileURL(resolve(import.meta.dirname, 'guards-removed.ts')).href
/** Read by guards-removed.ts, and by nothing else. */
export const EDITS = 'TEST_SOURCE_EDITS'

/** Names the guard that is taken away, in every process of such a run. */
const WITHOUT = 'TEST_WITHOUT_GUARD'

export const isRemoved = ({ name }: Guard): boolean => process.env[WITHOUT] === name

/**
 * Runs a program from the start, with the guard taken away from its source and from that of every process that it
 * starts: what is loaded already cannot be changed any more. Resolves to its exit code.
 */
export async function runWithout(guard: Guard, program: string, argv: readonly string[]): Promise<0 | 1 | 2> {
  const env = { ...process.env, ...editedEnvironment(editsOf(guard)), [WITHOUT]: guard.name }
  const child = spawn(process.execPath, [program, ...argv], { env, stdio: 'inherit' })
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null]
  if (code === null) throw new Error(`${program} ended by ${signal}`)
  return code as 0 | 1 | 2
}

export const editsOf = ({ name: _, about: __, and = [], ...edit }: Guard): readonly Edit[] => [edit, ...and]

/** What a child's environment needs so that it loads the source with these edits, and with ours. */
export function editedEnvironment(edits: readonly Edit[], env = process.env): Record<string, string> {
  const inherited = JSON.parse(env[EDITS] ?? '[]') as Edit[]
  const options = (env.NODE_OPTIONS ?? '').split(' ').filter((option) => option !== '')
  return {
    [EDITS]: JSON.stringify([...inherited, ...edits]),
    NODE_OPTIONS: [...new Set([...options, `--import=${HOOKS}`])].join(' '),
  }
}

/** Changes the text of those files when they are loaded, before types are stripped. */
export function installEdits(edits: readonly Edit[]): void {
  const byUrl = Map.groupBy(edits, ({ file }) => pathToFileURL(resolve(ROOT, file)).href)
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      const changes = byUrl.get(url)
      if (changes === undefined) return loaded
      return { ...loaded, source: applyEdits(readFileSync(fileURLToPath(url), 'utf8'), changes) }
    },
  })
}

/** Throws where an edit no longer fits the source. */
export function applyEdits(source: string, edits: readonly Edit[]): string {
  return edits.reduce((text, { file, find, replace, occurrence }) => {
    const parts = text.split(find)
    const found = parts.length - 1
    if (occurrence === undefined ? found !== 1 : occurrence >= found)
      throw new Error(
        `${file}: ${JSON.stringify(find)} occurs ${found} times, expected ${occurrence === undefined ? 'once' : `more than ${occurrence}`}`,
      )
    const at = occurrence ?? 0
    return parts.slice(0, at + 1).join(find) + replace + parts.slice(at + 1).join(find)
  }, source)
}
