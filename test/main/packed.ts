import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { installEnvironment } from '../../src/main/setup.mjs'
import { compileCache } from '../support/compile-cache.ts'

const root = resolve(import.meta.dirname, '../..')
const env = installEnvironment(process.env)

/** `npm run pack`, in another folder. */
export const pack = (cwd: string, ...args: string[]) =>
  spawnSync(process.execPath, [join(root, 'src/main/pack.ts'), ...args], { encoding: 'utf8', env, cwd })

/** A clean folder with these installed. */
export async function install(folder: string, ...what: string[]): Promise<void> {
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}')
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts']
  await promisify(execFile)('npm', ['install', ...flags, ...what], {
    cwd: folder,
    env,
    shell: process.platform === 'win32',
  })
}

/** Starts a program under the `register` of the package that is installed in `cwd`. */
export const startPacked = (cwd: string, args: string[], given: Record<string, string>) =>
  startProgram(cwd, ['--import', '@holdpoint/instrumentation/register', ...args], given)

export function startProgram(cwd: string, args: string[], given: Record<string, string>) {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env.PATH, ...compileCache(), OTEL_TRACES_EXPORTER: 'none', ...given },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = { stdout: '', stderr: '' }
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].on('data', (chunk) => {
      said[stream] += chunk
    })
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((done) =>
    child.once('close', (code) => done({ code, ...said })),
  )
  return { ended, stdout: () => said.stdout, stop: () => void child.kill() }
}

/** Paths of all files below a folder. */
export const below = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))

// biome-ignore lint/suspicious/noExplicitAny: manifests, as they are
export function readJson(file: string): any {
  return JSON.parse(readFileSync(file, 'utf8'))
}
