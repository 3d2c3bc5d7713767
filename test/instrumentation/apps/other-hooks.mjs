// Somebody else's use of the same hook library, for a package that has nothing to do with agents.
import { register } from 'import-in-the-middle/register-hooks.mjs'

register({ include: ['zod'] })
