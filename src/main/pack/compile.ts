import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { HoldpointError } from '#contract'

/**
 * JavaScript of the entries and of all that they import, in the same folders as in the clone. The doors stay as they
 * are written: the package's own manifest opens them. Throws INTERNAL with the compiler's words.
 */
export function compile(
  root: string,
  entries: readonly string[],
  outDir: string,
  declaration: boolean,
): void {
  const dir = mkdtempSync(join(tmpdir(), 'holdpoint-pack-'))
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      rootDir: root,
      outDir,
      typeRoots: [join(root, 'node_modules', '@types')],
      declaration,
      rewriteRelativeImportExtensions: true,
      allowJs: false,
      noEmit: false,
      noEmitOnError: true,
    },
    files: entries.map((entry) => join(root, entry)),
    // What the code assumes of packages that come without types; nothing of it is emitted.
    include: ['src', 'instrumentation'].map((folder) => join(root, folder, '**/*.d.ts')),
  }
  try {
    writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify(config))
    const { status, stdout, error } = spawnSync(process.execPath, [compilerOf(root), '-p', dir], {
      cwd: root,
      encoding: 'utf8',
    })
    if (error) throw new HoldpointError('INTERNAL', 'the compiler could not be started', { cause: error })
    if (status !== 0) throw new HoldpointError('INTERNAL', `what does not compile is not packed:\n${stdout}`)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

function compilerOf(root: string): string {
  const manifest = createRequire(join(root, 'package.json')).resolve('typescript/package.json')
  return join(dirname(manifest), 'bin', 'tsc')
}
