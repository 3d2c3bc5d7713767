import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../../..')
// Inside of node_modules, so that packages are found from there and nothing else of the project is read.
const parent = join(root, 'node_modules/.cache/holdpoint')

/** Errors of the compiler, by the name under which each content was given; an empty list where its types are right. */
export function typecheck(
  contents: Readonly<Record<string, unknown>>,
  type = 'TypedDashboard',
): Record<string, string[]> {
  mkdirSync(parent, { recursive: true })
  const dir = mkdtempSync(join(parent, 'types-'))
  try {
    const names = Object.keys(contents)
    const importing = `import type { ${type} } from '${join(root, 'test/support/grafana/schema.ts')}'`
    names.forEach((name, at) => {
      const text = `${importing}\nexport const content = ${JSON.stringify(contents[name], null, 1)} satisfies ${type}\n`
      writeFileSync(join(dir, `content${at}.ts`), text)
    })
    writeFileSync(join(dir, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS, include: ['*.ts'] }))
    const { stdout, error } = spawnSync(
      join(root, 'node_modules/.bin/tsc'),
      ['-p', dir, '--pretty', 'false'],
      {
        cwd: dir,
        encoding: 'utf8',
        shell: process.platform === 'win32',
      },
    )
    if (error) throw error
    const lines = stdout.split('\n')
    const strays = lines.filter((line) => /error TS/.test(line) && !/^content\d+\.ts\(/.test(line))
    if (strays.length > 0)
      throw new Error(`what the contents are checked against is wrong:\n${strays.join('\n')}`)
    return Object.fromEntries(
      names.map((name, at) => [name, lines.filter((line) => line.startsWith(`content${at}.ts(`))]),
    )
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

const OPTIONS = {
  target: 'es2024',
  module: 'nodenext',
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
  allowImportingTsExtensions: true,
}
