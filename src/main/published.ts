#!/usr/bin/env node
// The program `holdpoint` as it is published; a clone starts through launch.mjs, which sets it up first.
import { readFileSync } from 'node:fs'
import * as loader from 'node:module'

const { engines } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
const [wantedMajor = 0, wantedMinor = 0] = numbersIn(engines.node)
const [major = 0, minor = 0] = numbersIn(process.versions.node)

// Imported only then: an older Node would fail somewhere inside, with words that help nobody.
if (major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)) {
  // Half of a command's time is compiling its own modules.
  loader.enableCompileCache()
  await import('./holdpoint.ts')
} else {
  process.stderr.write(`holdpoint: needs Node ${engines.node}; this is ${process.versions.node}\n`)
  process.exitCode = 1
}

function numbersIn(version: string): number[] {
  return version.match(/\d+/g)?.map(Number) ?? []
}
