import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { rolldown } from 'rolldown'
import { filesIn } from './files.ts'
import { packageIn } from './imports.ts'
import { compiled } from './manifest.ts'

/**
 * Puts compiled JavaScript into few files: Node takes longer to find and to link a module than to read what is in it.
 * Entries stay where they are, and pass on what one file beside the first of them has; what is loaded later stays a
 * file of its own. Packages stay outside, and nothing is made smaller: people read what they install.
 */
export async function bundle(
  dir: string,
  entries: readonly string[],
  apart: readonly string[],
  doors: Readonly<Record<string, string>>,
): Promise<void> {
  const alone = new Set(apart.map((file) => resolve(dir, compiled(file, '.js'))))
  const build = await rolldown({
    cwd: dir,
    platform: 'node',
    preserveEntrySignatures: 'allow-extension',
    input: Object.fromEntries(entries.map((file) => [compiled(file, ''), `./${compiled(file, '.js')}`])),
    external: (id) => packageIn(id).length > 0,
    resolve: {
      alias: Object.fromEntries(
        Object.entries(doors).map(([door, file]) => [door, join(dir, compiled(file, '.js'))]),
      ),
    },
  })
  try {
    const { output } = await build.generate({
      format: 'esm',
      minifyInternalExports: false,
      entryFileNames: '[name].js',
      chunkFileNames: `${dirname(entries[0] ?? '')}/[name].js`,
      codeSplitting: {
        includeDependenciesRecursively: false,
        groups: [{ name: 'agent', tags: ['$initial'], test: (id) => !alone.has(resolve(id)) }],
      },
    })
    for (const file of filesIn(dir)) if (file.endsWith('.js')) rmSync(file)
    for (const file of output) if (file.type === 'chunk') writeFileSync(join(dir, file.fileName), file.code)
  } finally {
    await build.close()
  }
}
