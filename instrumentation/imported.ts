/** What the wrappers of ES modules import; see imports.ts. */
export { patchImported } from './imports.ts'
