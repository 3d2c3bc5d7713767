import { asking } from './asking.ts'
import { leaving } from './leaving.ts'
import { observing } from './observing.ts'
import type { Contract } from './turns.ts'

export { outputsOf } from './turns.ts'

export const CONTRACT: Contract = { ...asking, ...leaving, ...observing }
