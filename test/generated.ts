// Files that are made from the code and committed. Says which are out of date; `--write` makes them anew.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { configReference } from '#runtime'

const generated: Record<string, () => string> = {
  'deploy/holdpoint.yaml': configReference,
}

const root = resolve(import.meta.dirname, '..')
const write = process.argv.includes('--write')

for (const [file, make] of Object.entries(generated)) {
  const path = resolve(root, file)
  const wanted = make()
  if (existsSync(path) && readFileSync(path, 'utf8') === wanted) continue
  if (write) writeFileSync(path, wanted)
  else process.exitCode = 1
  process.stderr.write(write ? `${file} made anew\n` : `${file} is out of date: npm run generate\n`)
}
