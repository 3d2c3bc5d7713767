import { cpSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** Paths of all files below a folder. */
export const filesIn = (dir: string): string[] =>
  readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

export const isCode = (file: string): boolean => /\.[cm]?[jt]s$/.test(file)
const isForReaders = (file: string): boolean => /\.md$/.test(file)

/**
 * What code reads at run time, `.sql` for one, stands in its folder or in one beside it that has no code. Folders
 * whose code stays behind keep their data, too.
 */
export function copyData(root: string, outDir: string): void {
  const shipped = new Set(
    filesIn(outDir)
      .filter(isCode)
      .map((file) => dirname(relative(outDir, file))),
  )
  for (const folder of shipped)
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = join(root, folder, entry.name)
      const files = entry.isDirectory() ? filesIn(path) : [path]
      // A page's script is data to us: it stands in a folder of assets, and runs in a browser.
      if (entry.name !== 'assets' && files.some(isCode)) continue
      for (const file of files) if (!isForReaders(file)) copy(file, join(outDir, relative(root, file)))
    }
}

export function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to)
}
