import { afterAll, beforeAll, expect, vi } from 'vitest'

/**
 * Most files run in a process that others have used before them. Whatever belongs to the whole process has to be as
 * it was found when a file ends; one that needs it otherwise belongs to those that vitest.config.ts runs apart.
 */
let found: Map<string, string>
beforeAll(() => {
  found = ofTheProcess()
})
afterAll(() => {
  const now = ofTheProcess()
  const names = [...new Set([...found.keys(), ...now.keys()])]
  // By name alone: what the environment holds is nobody's business.
  const changed = names.filter((name) => found.get(name) !== now.get(name))
  expect(changed, 'what this file has left behind').toEqual([])
})

function ofTheProcess(): Map<string, string> {
  const env = Object.entries(process.env).filter(([name]) => !name.startsWith('VITEST'))
  return new Map([
    ...env.map(([name, value]): [string, string] => [`environment: ${name}`, value ?? '']),
    ...registeredTelemetry().map((name): [string, string] => [`telemetry: ${name}`, '']),
    ...SIGNALS.map((name): [string, string] => [`listeners: ${name}`, `${process.listenerCount(name)}`]),
    ['current folder', process.cwd()],
    ['fake timers', `${vi.isFakeTimers()}`],
  ])
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Kept by the API under a symbol of its own, so that all its copies share it. */
const registeredTelemetry = (): string[] =>
  Object.getOwnPropertySymbols(globalThis)
    .filter((symbol) => symbol.description?.startsWith('opentelemetry.js.api'))
    .flatMap((symbol) => Object.keys((globalThis as never)[symbol]))
    .filter((name) => name !== 'version')
