// Puts a package of its own under hooks, in a tree that the test has made, and says what was patched.
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createCoverage } from '../../../instrumentation/coverage.ts'
import { installHooks } from '../../../instrumentation/hooks.ts'
import { replaceExport, replaceMethod } from '../../../instrumentation/instrumentation.ts'

const [tree, unsupported, ...steps] = process.argv.slice(2)
const reported = []
const coverage = createCoverage({ unsupported }, ({ name, version }) => reported.push(`${name} ${version}`))
const sdk = {
  name: 'sdk',
  packages: { sdk: '>=1.2 <2' },
  specifiers: ['sdk', 'sdk/client'],
  replaces: ['send'],
  patch(exports) {
    replaceMethod(
      exports.Client,
      'call',
      (original) =>
        function call(...given) {
          return `held ${original.apply(this, given)}`
        },
    )
    if ('send' in exports)
      replaceExport(
        exports,
        'send',
        (original) =>
          (...given) =>
            `held ${original(...given)}`,
      )
  },
}
installHooks([sdk], {}, coverage)

const require = createRequire(join(tree, 'app.cjs'))
const how = {
  import: (what) => import(pathToFileURL(join(tree, what)).href),
  require: (what) => require(what),
}
const results = {}
for (const step of steps) {
  const [by, what] = step.split(':')
  try {
    const { Client, send, use } = await how[by](what)
    results[step] = use ? use() : [new Client().call(), ...(send ? [send()] : [])].join(', ')
  } catch (error) {
    results[step] = `threw ${error.message}`
  }
}
process.stdout.write(
  JSON.stringify({
    results,
    reported,
    covered: coverage.covered.map(
      ({ package: found, format, isTested, gated }) =>
        `${found.name} ${found.version} ${format} ${isTested} ${gated}`,
    ),
  }),
)
