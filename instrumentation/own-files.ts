import { extname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

type OwnFile = 'register' | 'imported' | 'child-process/shim' | 'child-process/ask'

/**
 * The path of a file of this package that is started or imported by it, of the same kind as this one: compiled or not.
 * Asked for when it is needed: in a program that a bundler has made, nothing may have a URL.
 */
export const ownFile = (name: OwnFile): string =>
  // When it is published, this file has become part of another one in the same folder.
  fileURLToPath(new URL(`./${name}${extname(import.meta.url)}`, import.meta.url))

export const ownUrl = (name: OwnFile): string => pathToFileURL(ownFile(name)).href
