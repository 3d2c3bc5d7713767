import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runProgram } from '#runtime'
import { type AppReport, examineApp } from '../../src/main/doctor/app.ts'
import { doctorCommand } from '../../src/main/doctor.ts'
import { createFakeIo } from '../support/io.ts'

const modules = join(import.meta.dirname, '../../node_modules')
const CLIENT = '@modelcontextprotocol/client'
let dir: string
let reports: Record<'sound' | 'gaps' | 'bare', AppReport>

beforeAll(async () => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'holdpoint-doctor-app-')))
  // Real packages, linked: the program has what this clone has.
  for (const name of [CLIENT, '@modelcontextprotocol/sdk', '@openai/agents']) link('sound', name)
  put('sound/node_modules/@holdpoint/instrumentation/package.json', {
    name: '@holdpoint/instrumentation',
    version: '0.1.0',
  })
  put('sound/package.json', { dependencies: { '@openai/agents': '*' } })
  put('sound/app.mjs', 'process.exit(99)')

  // One that was not tested, one that has changed, one that is inlined.
  put(`gaps/node_modules/${CLIENT}/package.json`, { name: CLIENT, version: '9.1.0', exports: './index.mjs' })
  put(`gaps/node_modules/${CLIENT}/index.mjs`, 'export class Client { callTool() {} request() {} }')
  put('gaps/node_modules/@openai/agents-core/package.json', {
    name: '@openai/agents-core',
    version: '0.20.4',
    exports: './index.cjs',
  })
  put('gaps/node_modules/@openai/agents-core/index.cjs', 'exports.Agent = class Agent {}')
  put('gaps/app.mjs', '//#region node_modules/@modelcontextprotocol/sdk/dist/esm/client/index.js\n')
  put('bare/app.mjs', '')

  const report = (name: string, env = {}) =>
    examineApp('app.mjs', join(dir, name), { PATH: process.env.PATH, ...env })
  const [sound, gaps, bare] = await Promise.all([
    report('sound'),
    report('gaps'),
    report('bare', { HOLDPOINT_DISABLED_INSTRUMENTATIONS: 'mcp-client' }),
  ])
  reports = { sound, gaps, bare }
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test('doctor --app - what is under the gate is named with its version, methods and copies', () => {
  const { findings, inspection } = reports.sound
  expect(findings.filter(({ level }) => level !== 'ok')).toEqual([])
  expect(findings).toContainEqual(
    expect.objectContaining({
      check: 'mcp-client',
      what: expect.stringMatching(
        /^@modelcontextprotocol\/client 2\.\S+: Client\.callTool, Client\.request \(esm\); Client\.callTool, Client\.request \(cjs\)$/,
      ),
    }),
  )
  // Below the package that the program lists, as package managers lay it out.
  expect(inspection.packages.find(({ name }) => name === '@openai/agents-core')).toMatchObject({
    instrumentation: 'openai-agents',
    folder: realpathSync(join(modules, '@openai/agents-core')),
    isTested: true,
    failures: [],
  })
})

test('doctor --app - a version that was not tested is a fault, and so is one that cannot be patched', () => {
  const { findings } = reports.gaps
  const faults = findings
    .filter(({ level }) => level === 'fault')
    .map(({ check, what }) => `${check}: ${what}`)
  expect(faults).toEqual([
    expect.stringMatching(/^@holdpoint\/instrumentation: is not installed/),
    expect.stringMatching(
      /^openai-agents: @openai\/agents-core 0\.20\.4 cannot be put under the gate.*getAllTools/,
    ),
    expect.stringMatching(
      /^mcp-client: @modelcontextprotocol\/client 9\.1\.0 was not tested \(tested: >=2 <3\)/,
    ),
    expect.stringMatching(/^bundle: .*app\.mjs has the code of @modelcontextprotocol\/sdk in itself$/),
  ])
})

test('doctor --app - a program without any known package, and what is switched off, are warned of', () => {
  const warnings = reports.bare.findings.filter(({ level }) => level === 'warning')
  expect(warnings.map(({ check }) => check)).toEqual(['mcp-client', 'frameworks'])
})

test('doctor --app - a file that is not there is refused', async () => {
  await expect(examineApp('nowhere.mjs', dir, {})).rejects.toThrow(
    /--app is nowhere\.mjs: there is no such file/,
  )
})

test('doctor --app - a wrong setting is refused in its own words', async () => {
  const env = { PATH: process.env.PATH, HOLDPOINT_ENABLED_INSTRUMENTATIONS: 'everything' }
  await expect(examineApp('app.mjs', join(dir, 'bare'), env)).rejects.toThrow(
    /names "everything", expected some of/,
  )
})

test('doctor --app - the command ends with exit code 1 where there are gaps, and with JSON where that is asked for', async () => {
  const program = { name: 'holdpoint', version: '0', summary: '', commands: [doctorCommand] }
  const io = createFakeIo({ cwd: join(dir, 'gaps'), env: { PATH: process.env.PATH } })
  const code = await runProgram(program, ['doctor', '--app', 'app.mjs', '--json'], io)
  const { findings, counts, packages } = JSON.parse(io.out())
  expect({ code, faults: counts.fault }).toEqual({ code: 1, faults: 4 })
  expect(findings).toHaveLength(reports.gaps.findings.length)
  expect(packages).toHaveLength(2)
})

function link(app: string, name: string): void {
  const place = join(dir, app, 'node_modules', name)
  mkdirSync(dirname(place), { recursive: true })
  symlinkSync(join(modules, name), place)
}

function put(file: string, content: string | object): void {
  mkdirSync(dirname(join(dir, file)), { recursive: true })
  writeFileSync(join(dir, file), typeof content === 'string' ? content : JSON.stringify(content))
}
