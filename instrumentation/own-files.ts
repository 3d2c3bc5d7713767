import { extname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

/** The same kind of file as this one: compiled or not. When it is published, this one has become part of another in this folder. */
const own = (path: string): string =>
  fileURLToPath(new URL(`./${path}${extname(import.meta.url)}`, import.meta.url))

/** Files of this package that are started by their path. */
export const REGISTER = own('register')
export const SHIM = own('child-process/shim')
/** Wrappers of modules import it by its URL. */
export const IMPORTED = pathToFileURL(own('imported')).href
export const ASK = own('child-process/ask')
