/** What a small SDK exports, in both module systems. */
export const ESM = `export class Client { call() { return 'esm' } }; export const send = () => 'sent'`
export const CJS = `exports.Client = class Client { call() { return 'cjs' } }`

/** Its files, by their paths, with the doors and the copies that such packages have. */
export function sdkAt(folder: string, version: string, name = 'sdk'): Record<string, string> {
  const exports = {
    '.': { import: './dist/index.mjs', require: './dist/index.cjs' },
    './*': { import: './dist/parts/*.mjs', require: './dist/parts/*.cjs' },
  }
  return {
    [`${folder}/package.json`]: JSON.stringify({ name, version, exports }),
    // A marker of the module system beside the build is no package.
    [`${folder}/dist/package.json`]: '{"type":"module"}',
    [`${folder}/dist/index.mjs`]: `export * from './parts/client.mjs'`,
    [`${folder}/dist/index.cjs`]: `exports.Client = require('./parts/client.cjs').Client`,
    [`${folder}/dist/parts/client.mjs`]: ESM,
    [`${folder}/dist/parts/client.cjs`]: CJS,
  }
}
