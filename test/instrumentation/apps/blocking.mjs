// Calls that block, as somebody writes them who has never heard of a gate.
import { execFile, execFileSync, execSync, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'

// As most do before: something that does not block.
await promisify(execFile)('true')

const failed = (run) => {
  try {
    return { returned: run() }
  } catch ({ message, status, stdout, stderr }) {
    return { message, status, stdout, stderr }
  }
}
const [, , how, file] = process.argv
const options = { encoding: 'utf8', env: { PATH: process.env.PATH, WORD: 'own' }, stdio: 'pipe' }
const results =
  how === 'given-up'
    ? [spawnSync('touch', [file])].map(({ status, signal }) => ({ status, signal }))
    : [
        failed(() => execFileSync('sh', ['-c', 'cat; env | sort; exit 0'], { ...options, input: 'in ' })),
        failed(() => execSync('echo said >&2; exit 3', options)),
        failed(() => execFileSync('touch', [file], options)),
      ]
process.stdout.write(`${JSON.stringify(results)}\n`)
