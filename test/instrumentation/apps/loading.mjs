// Loads everything that it is told to, both ways, and says what could not be loaded.
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
/** Paths that one of the two module systems does not have. */
const absent = [
  'ERR_UNSUPPORTED_DIR_IMPORT',
  'ERR_PACKAGE_PATH_NOT_EXPORTED',
  'MODULE_NOT_FOUND',
  'ERR_MODULE_NOT_FOUND',
]
const failed = []
for (const specifier of process.argv.slice(2))
  for (const load of [(one) => import(one), async (one) => require(one)])
    await load(specifier).catch(({ code, message }) => absent.includes(code) || failed.push(message))
process.stdout.write(JSON.stringify(failed))
