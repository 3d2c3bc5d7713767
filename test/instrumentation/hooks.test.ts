import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CJS, ESM, sdkAt } from '../support/instrumentation/sdk-files.ts'

let tree: string

beforeAll(() => {
  tree = realpathSync(mkdtempSync(join(tmpdir(), 'holdpoint-hooks-')))
  const files = {
    ...sdkAt('node_modules/sdk', '1.4.0'),
    // A second copy, in another version, below somebody who depends on it.
    ...sdkAt('node_modules/framework/node_modules/sdk', '1.9.0'),
    'node_modules/framework/package.json': '{"name":"framework","version":"1.0.0","exports":"./index.mjs"}',
    'node_modules/framework/index.mjs': `export { Client } from 'sdk'`,
    // As npm installs "renamed": "npm:sdk@1".
    ...sdkAt('node_modules/renamed', '1.5.0'),
    // A fork that takes the SDK's place, as a package manager lays it out that links.
    ...sdkAt('store/fork/node_modules/@acme/fork', '7.0.0', '@acme/fork'),
    ...sdkAt('untested/node_modules/sdk', '3.0.0'),
    ...sdkAt('changed/node_modules/sdk', '1.4.0'),
    'changed/node_modules/sdk/dist/index.mjs': 'export class Client { perform() {} }',
    'changed/node_modules/sdk/dist/index.cjs': 'exports.Client = class Client { perform() {} }',
    ...sdkAt('plain/node_modules/sdk', '1.3.0'),
    'plain/node_modules/sdk/package.json': '{"name":"sdk","version":"1.3.0","main":"./lib/main"}',
    'plain/node_modules/sdk/lib/main.js': CJS,
    'plain/node_modules/sdk/client.js': CJS,
    'plain/node_modules/sdk/other.js': CJS,
    ...sdkAt('esm-only/node_modules/sdk', '1.2.0'),
    'esm-only/node_modules/sdk/package.json':
      '{"name":"sdk","version":"1.2.0","type":"module","exports":"./dist/index.mjs"}',
    // It passes on what a file exports that is no door of the package.
    ...sdkAt('passing/node_modules/sdk', '1.4.0'),
    'passing/node_modules/sdk/dist/index.mjs': `export * from './inner.mjs'`,
    'passing/node_modules/sdk/dist/inner.mjs': ESM,
    ...sdkAt('many/node_modules/sdk', '1.4.0'),
    'many/node_modules/sdk/dist/index.mjs': `${ESM}; export default 'preset'; export * from './more.mjs'
      export let later = 1; export const go = () => { later = 2 }; export { later as "in time" }`,
    'many/node_modules/sdk/dist/more.mjs': `import { send } from './index.mjs'; export const more = () => send()`,
    'many/app.mjs': `import * as sdk from 'sdk'; import preset, { later, more } from 'sdk'
      export const use = () => (sdk.go(), [preset, later, sdk['in time'], more(), Object.keys(sdk)].join(' '))`,
    ...sdkAt('two-faced/node_modules/sdk', '1.4.0'),
    'two-faced/node_modules/sdk/dist/index.mjs': `${ESM}; const all = { Client, send }; export { all as "module.exports" }`,
    // As a build tool lays it out that links to a store: a folder that lies elsewhere, and single files.
    ...sdkAt('store/elsewhere', '1.6.0', '@acme/elsewhere'),
    'store/4a1f.mjs': ESM,
    'single/node_modules/sdk/package.json': '{"name":"sdk","version":"1.7.0","exports":"./index.mjs"}',
    'names.mjs': `import * as sdk from 'sdk'; export const use = () => Object.keys(sdk).join()`,
    'other.mjs': `import { register } from '${import.meta.resolve('import-in-the-middle/register-hooks.mjs')}'
      import { Hook } from '${import.meta.resolve('import-in-the-middle')}'
      register({ include: ['sdk/client'] })
      new Hook(['sdk/client'], (exports) => { const { send } = exports; exports.send = () => 'traced ' + send() })
      export const use = () => 'another tool'`,
    // A program that has a folder of that name itself, one whose part lies in one, and one that is called so.
    'own/sdk/index.mjs': 'export const use = () => "my own"',
    'own/app.mjs': `export { use } from './sdk/index.mjs'`,
    'parts/sdk/package.json': '{"name":"@acme/sdk","version":"1.0.0","main":"index.mjs"}',
    'parts/sdk/index.mjs': 'export const use = () => "a part"',
    'program/package.json': '{"name":"sdk","version":"1.0.0","main":"index.js"}',
    'program/index.js': 'exports.use = () => "a program"',
    'program/app.mjs': `export { use } from './index.js'`,
    'referrer.mjs': `import vm from 'node:vm'
      const importModuleDynamically = vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER
      const text = 'import(' + JSON.stringify(import.meta.resolve('sdk/client').replace(/[?].*/, '')) + ')'
      export const { Client, send } = await vm.runInThisContext(text, { filename: 'a name', importModuleDynamically })`,
    'resolved.mjs': `const url = import.meta.resolve('sdk/client')
      const elsewhere = await import(url.replace('=', '=7'))
      const all = new Set([elsewhere, await import(url), await import('sdk/client')])
      export const use = () => all.size + [...all][0].send()`,
    'short.mjs': `import { registerHooks } from 'node:module'; import { readFileSync } from 'node:fs'
      const url = new URL('./node_modules/sdk/dist/parts/client.mjs', import.meta.url).href
      const urls = { short: url, 'short/again': url + '?again', 'short/own': import.meta.resolve('./own/sdk/index.mjs') }
      const own = (url) => ({ source: readFileSync(new URL(url.split('?')[0])), format: 'module', shortCircuit: true })
      registerHooks({ load: (url, context, next) => (/mjs/.test(url) ? own(url) : next(url, context)),
        resolve: (specifier, context, next) =>
          urls[specifier] ? { url: urls[specifier], shortCircuit: true } : next(specifier, context) })
      export const use = () => 'a resolver'`,
    'shortly.mjs': `export * from 'short'`,
    'shortly-again.mjs': `export * from 'short/again'`,
    'shortly-own.mjs': `export * from 'short/own'`,
    // A bundle: the same code, and no package around it.
    'bundle/app.mjs': `${ESM}; await 1; export const use = () => new Client().call()`,
  }
  for (const [file, text] of Object.entries(files)) put(file, text)
  for (const [file, from] of Object.entries(IMPORTS)) put(file, `export * from '${from}'`)
  for (const [link, target] of Object.entries(LINKS)) {
    mkdirSync(dirname(join(tree, link)), { recursive: true })
    symlinkSync(join(tree, target), join(tree, link))
  }
})
afterAll(() => rmSync(tree, { recursive: true, force: true }))

const IMPORTS = {
  'bare.mjs': 'sdk',
  'subpath.mjs': 'sdk/client',
  'relative.mjs': './node_modules/sdk/dist/index.mjs',
  'inner.mjs': './node_modules/sdk/dist/parts/client.mjs',
  'alias.mjs': 'renamed',
  'query.mjs': './node_modules/sdk/dist/index.mjs?again=1',
  'bare-query.mjs': './node_modules/sdk/dist/index.mjs?again',
  'framework.mjs': 'framework',
  'linked/app.mjs': 'sdk',
  'elsewhere/app.mjs': 'sdk',
  'single/app.mjs': 'sdk',
  'untested/app.mjs': 'sdk',
  'changed/app.mjs': 'sdk',
  'plain/app.mjs': 'sdk',
  'passing/app.mjs': 'sdk',
  'two-faced/app.mjs': 'sdk',
}

const LINKS = {
  'linked/node_modules/sdk': 'store/fork/node_modules/@acme/fork',
  'elsewhere/node_modules/sdk': 'store/elsewhere',
  'single/node_modules/sdk/index.mjs': 'store/4a1f.mjs',
}

test('hooks - however a program comes by a module, it is patched, and once', () => {
  const { results, reported, covered } = run('report', [
    ...Object.keys(IMPORTS)
      .filter((file) => !/untested|changed|plain|linked|elsewhere|single|passing|two-faced/.test(file))
      .map((file) => `import:${file}`),
    'require:sdk',
    'require:sdk/client',
    'require:renamed',
    'require:./node_modules/sdk/dist/index.cjs',
  ])
  expect(results).toEqual({
    'import:bare.mjs': 'held esm, held sent',
    'import:subpath.mjs': 'held esm, held sent',
    'import:relative.mjs': 'held esm, held sent',
    'import:inner.mjs': 'held esm, held sent',
    'import:alias.mjs': 'held esm, held sent',
    'import:query.mjs': 'held esm, held sent',
    'import:bare-query.mjs': 'held esm, held sent',
    'import:framework.mjs': 'held esm',
    'require:sdk': 'held cjs',
    'require:sdk/client': 'held cjs',
    'require:renamed': 'held cjs',
    'require:./node_modules/sdk/dist/index.cjs': 'held cjs',
  })
  expect(reported).toEqual([])
  expect(covered).toContain('sdk 1.4.0 esm true Client.call,send')
  expect(covered).toContain('sdk 1.9.0 esm true Client.call,send')
  expect(covered).toContain('sdk 1.5.0 cjs true Client.call')
})

test('hooks - a module one of whose exports cannot be replaced is not loaded at all', () => {
  const { results } = run('report', ['import:passing/app.mjs'])
  expect(results['import:passing/app.mjs']).toMatch(
    /^threw holdpoint: sdk 1\.4\.0 in .* cannot be put under the gate.*: holdpoint: send is not exported/,
  )
})

test('hooks - a module under the gate exports what it did, live and in a circle, and no more', () => {
  const { results } = run('report', ['import:many/app.mjs', 'import:names.mjs'])
  expect(results).toEqual({
    'import:many/app.mjs': 'preset 2 2 held sent Client,default,go,in time,later,more,send',
    'import:names.mjs': 'Client,send',
  })
})

test('hooks - another tool’s wrapper around the same module leaves the gate in its place, and keeps its own', () => {
  const steps = ['import:subpath.mjs', 'import:bare.mjs']
  const after = run('report', ['import:other.mjs', ...steps])
  expect(after.results).toMatchObject({
    'import:subpath.mjs': 'held esm, held traced sent',
    'import:bare.mjs': 'held esm, held sent',
  })
  const before = run('report', steps, ['--import', join(tree, 'other.mjs')])
  expect(before.results).toEqual({
    'import:subpath.mjs': 'held esm, held traced sent',
    'import:bare.mjs': 'held esm, held sent',
  })
})

test('hooks - neither conditions, nor a missing referrer, nor an address that was resolved before lead past the gate', () => {
  const steps = ['import:subpath.mjs', 'require:sdk', 'import:referrer.mjs', 'import:resolved.mjs']
  const quiet = '--disable-warning=ExperimentalWarning'
  for (const flags of [[], ['--conditions=require']])
    expect(run('report', steps, [quiet, ...flags]).results).toEqual({
      'import:subpath.mjs': 'held esm, held sent',
      'require:sdk': 'held cjs',
      'import:referrer.mjs': 'held esm, held sent',
      'import:resolved.mjs': '1held sent',
    })
  const [referrer = ''] = Object.values(run('report', ['import:referrer.mjs'], [quiet]).results)
  expect(referrer).toBe('held esm, held sent')
})

test('hooks - what a hook of the program’s resolves or reads by itself is under the gate all the same', () => {
  const own = ['import:short.mjs', 'import:shortly.mjs', 'import:shortly-again.mjs', 'import:shortly-own.mjs']
  expect(run('report', [...own, 'import:subpath.mjs', 'import:bare.mjs', 'require:sdk']).results).toEqual({
    'import:short.mjs': 'a resolver',
    'import:shortly.mjs': 'held esm, held sent',
    'import:shortly-again.mjs': 'held esm, held sent',
    'import:shortly-own.mjs': 'my own',
    'import:subpath.mjs': 'held esm, held sent',
    'import:bare.mjs': 'held esm, held sent',
    'require:sdk': 'held cjs',
  })
})

test('hooks - packages without exports, ES modules that are required, and forks under the name are patched', () => {
  const { results, reported } = run('report', [
    'import:plain/app.mjs',
    'require:./plain/node_modules/sdk',
    'require:./plain/node_modules/sdk/client',
    'require:./esm-only/node_modules/sdk/dist/index.mjs',
    'import:linked/app.mjs',
    'import:elsewhere/app.mjs',
    'import:single/app.mjs',
    'require:./two-faced/node_modules/sdk/dist/index.mjs',
    'import:two-faced/app.mjs',
  ])
  expect(results).toEqual({
    'import:plain/app.mjs': 'held cjs',
    'require:./plain/node_modules/sdk': 'held cjs',
    'require:./plain/node_modules/sdk/client': 'held cjs',
    'require:./esm-only/node_modules/sdk/dist/index.mjs': 'held esm, held sent',
    'import:linked/app.mjs': 'held esm, held sent',
    'import:elsewhere/app.mjs': 'held esm, held sent',
    'import:single/app.mjs': 'held esm, held sent',
    'require:./two-faced/node_modules/sdk/dist/index.mjs': 'held esm, held sent',
    'import:two-faced/app.mjs': 'held esm, held sent',
  })
  expect(reported).toEqual(['@acme/fork 7.0.0', '@acme/elsewhere 1.6.0'])
})

test('hooks - what belongs to the program itself, to a bundle or to another file of the package is left alone', () => {
  const { results, covered } = run('refuse', [
    'import:own/app.mjs',
    'import:parts/sdk/index.mjs',
    'import:bundle/app.mjs',
    'require:./plain/node_modules/sdk/other.js',
  ])
  expect(results).toEqual({
    'import:own/app.mjs': 'my own',
    'import:parts/sdk/index.mjs': 'a part',
    'import:bundle/app.mjs': 'esm',
    'require:./plain/node_modules/sdk/other.js': 'cjs',
  })
  expect(covered).toEqual([])
})

test('hooks - a program that is called like a package is none', () => {
  for (const entry of ['index.js', 'app.mjs']) {
    const program = join(tree, 'program', entry)
    const { results } = run('refuse', ['import:program/app.mjs', 'import:alias.mjs'], [], program)
    expect(results).toEqual({
      'import:program/app.mjs': 'a program',
      'import:alias.mjs': 'held esm, held sent',
    })
  }
})

test('hooks - a version that was not tested is patched and reported, and refused where that is asked for', () => {
  const steps = ['import:untested/app.mjs', 'require:./untested/node_modules/sdk/dist/index.cjs']
  const patched = run('report', steps)
  expect(Object.values(patched.results)).toEqual(['held esm, held sent', 'held cjs'])
  expect(patched.reported).toEqual(['sdk 3.0.0'])
  expect(patched.covered).toContain('sdk 3.0.0 cjs false Client.call')
  const refused = run('refuse', steps)
  for (const result of Object.values(refused.results))
    expect(result).toMatch(/^threw holdpoint: sdk 3\.0\.0 was not tested \(>=1\.2 <2\)/)
  expect(refused.covered).toEqual([])
})

test('hooks - a version that has no such method is not loaded at all', () => {
  const { results } = run('report', [
    'import:changed/app.mjs',
    'require:./changed/node_modules/sdk/dist/index.cjs',
  ])
  for (const result of Object.values(results))
    expect(result).toMatch(/^threw holdpoint: sdk 1\.4\.0 in .* cannot be put under the gate.*no method call/)
})

function put(file: string, text: string): void {
  mkdirSync(dirname(join(tree, file)), { recursive: true })
  writeFileSync(join(tree, file), text)
}

interface Result {
  results: Record<string, string>
  reported: string[]
  covered: string[]
}

const hooked = join(import.meta.dirname, 'apps/hooked.mjs')

function run(unsupported: string, steps: string[], flags: string[] = [], program?: string): Result {
  const apps = program === undefined ? [hooked] : ['--import', hooked, program]
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, ...apps, tree, unsupported, ...steps], {
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  return JSON.parse(stdout)
}
