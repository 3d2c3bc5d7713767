// Starts a program in threads of every kind, as somebody does who has never heard of a gate; says what became of each.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'

const [, , dir] = process.argv
const body = `
const { parentPort } = require('node:worker_threads')
let said
try { require('node:child_process').execFileSync('touch', [${JSON.stringify(join(dir, 'made'))}]); said = 'ran' }
catch (error) { said = error.refusal === undefined ? String(error) : 'refused' }
parentPort.postMessage(said)
process.exit()`
const module = `import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.filename ?? ${JSON.stringify(join(dir, 'x.js'))})\n${body}`
const file = join(dir, 'worker.cjs')
writeFileSync(file, body)
const threads = {
  'text of a module': () => new Worker(module, { eval: true }),
  'flags of its own': () => new Worker(file, { execArgv: [] }),
  'an environment of its own': () => new Worker(file, { env: {}, execArgv: [] }),
  'an environment without a gate': () =>
    new Worker(body, { eval: true, env: { HOLDPOINT_DISABLED_INSTRUMENTATIONS: 'child-process' } }),
}
const said = Object.entries(threads).map(async ([name, start]) => {
  const { promise, resolve } = Promise.withResolvers()
  start()
    .on('message', resolve)
    .on('error', (error) => resolve(String(error)))
  return [name, await promise]
})
process.stdout.write(JSON.stringify(Object.fromEntries(await Promise.all(said))))
