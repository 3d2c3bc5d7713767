#!/usr/bin/env node
// The program `holdpoint` as it is published; a clone starts through launch.mjs, which sets it up first.
import { readFileSync } from 'node:fs'

const { engines } = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8'))
const [oldestMajor, oldestMinor] = engines.node.match(/\d+/g).map(Number)
const [major, minor] = process.versions.node.split('.').map(Number)

if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor))
  await import('./src/main/holdpoint.js')
else {
  process.stderr.write(`holdpoint: needs Node ${engines.node}; this is ${process.versions.node}\n`)
  process.exitCode = 1
}
