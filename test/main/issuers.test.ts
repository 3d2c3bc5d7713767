import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DEVELOPMENT_ISSUER } from '#identity'
import { readConfig, writeRunning } from '#runtime'
import { issuersForSignIn, trustedIssuers } from '../../src/main/issuers.ts'
import { createFakeIo } from '../support/io.ts'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'holdpoint-issuers-'))
  writeRunning(configOf().dataDir, {
    pid: process.pid,
    nats: { url: 'nats://127.0.0.1:1' },
    identity: { url: 'http://127.0.0.1:2' },
    clickhouse: { url: 'http://127.0.0.1:3', user: 'u', password: 'p', database: 'd' },
    otlp: { url: 'http://127.0.0.1:4' },
  })
})
afterEach(() => rmSync(cwd, { recursive: true, force: true }))

const configOf = (env: Record<string, string> = {}) => readConfig(createFakeIo({ cwd, env }))

test('issuers - a console on this machine takes the development sign-in that runs from its folder', () => {
  for (const found of [issuersForSignIn(configOf(), cwd), trustedIssuers(configOf())])
    expect(found.map(({ issuer }) => issuer)).toEqual([DEVELOPMENT_ISSUER])
})

test.each([
  { HOLDPOINT_HTTP_HOST: '0.0.0.0' },
  { HOLDPOINT_HTTP_HOST: '::' },
  { HOLDPOINT_HTTP_URL: 'https://holdpoint.example.com' },
])('issuers - with %j nobody made-up signs in, nor is believed, whoever runs the sign-in', (env) => {
  const config = configOf(env)
  expect(() => issuersForSignIn(config, cwd)).toThrow(/the development sign-in is refused: http\./)
  expect(() => trustedIssuers(config)).toThrow(/the development sign-in is refused: http\./)
})
