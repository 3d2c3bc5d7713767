// Before a program that imports `@holdpoint/instrumentation/NAME`: as if the package were installed, from the sources.
import { registerHooks } from 'node:module'

const OWN = '@holdpoint/instrumentation/'

registerHooks({
  resolve: (specifier, context, next) =>
    next(
      specifier.startsWith(OWN)
        ? new URL(`../../instrumentation/${specifier.slice(OWN.length)}/index.ts`, import.meta.url).href
        : specifier,
      context,
    ),
})
