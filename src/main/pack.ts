import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { HoldpointError } from '#contract'
import { defineCommand, runProgram } from '#runtime'
import { bundle } from './pack/bundle.ts'
import { compile } from './pack/compile.ts'
import { copy, copyData, filesIn, isCode } from './pack/files.ts'
import { importsOf } from './pack/imports.ts'
import { manifestOf, type RootManifest } from './pack/manifest.ts'
import { type Package, packages } from './pack/packages.ts'
import { createProcessIo } from './process-io.ts'
import { installEnvironment } from './setup.mjs'

const root = resolve(import.meta.dirname, '../..')

const command = defineCommand({
  name: 'pack',
  summary: 'Make the packages that are published, as folders and as tarballs',
  details:
    'Node runs no TypeScript below node_modules, so they hold JavaScript. Prints the path of each tarball.',
  example: 'npm run pack -- --out dist',
  options: {
    out: { type: 'string', value: 'FOLDER', default: 'dist', description: 'where they are put' },
  },
  run: async ({ options }, io) => {
    const out = resolve(io.cwd, options.out)
    const clone = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as RootManifest
    for (const pack of packages) {
      await make(pack, clone, out)
      io.stdout.write(`${tar(pack, out)}\n`)
    }
    return 0
  },
})

async function make(pack: Package, clone: RootManifest, out: string): Promise<void> {
  const dir = join(out, pack.folder)
  empty(dir, pack)
  compile(root, pack.entries, dir, Object.keys(pack.exports).length > 0)
  if (pack.apart !== undefined) await bundle(dir, pack.entries, pack.apart, clone.imports)
  const imports = importsOf(filesIn(dir).filter(isCode))
  copyData(root, dir)
  for (const [from, to] of Object.entries(pack.files)) copy(join(root, from), join(dir, to))
  const manifest = manifestOf(pack, root, clone, imports)
  writeFileSync(join(dir, 'package.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
}

/** `--out .` would otherwise take the sources away. */
function empty(dir: string, { name }: Package): void {
  const manifest = join(dir, 'package.json')
  const isOurs = existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).name === name
  if (existsSync(dir) && !isOurs)
    throw new HoldpointError(
      'INVALID_CONFIG',
      `${dir} is there and was not made by pack: choose another --out`,
    )
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { recursive: true })
  // Now already: what fails half-way is ours, too.
  writeFileSync(manifest, JSON.stringify({ name }))
}

function tar({ name, folder }: Package, out: string): string {
  const { status, stdout, stderr, error } = spawnSync('npm', ['pack', '--json', '--pack-destination', out], {
    cwd: join(out, folder),
    env: installEnvironment(process.env),
    encoding: 'utf8',
    shell: process.platform === 'win32',
  })
  if (error ?? status)
    throw new HoldpointError('INTERNAL', `npm pack of ${name} failed:\n${stderr}`, { cause: error })
  const [packed] = JSON.parse(stdout) as { filename: string }[]
  return join(out, packed?.filename ?? '')
}

process.exitCode = await runProgram(
  { name: 'npm run', version: '', summary: command.summary, commands: [command] },
  ['pack', ...process.argv.slice(2)],
  createProcessIo(),
)
