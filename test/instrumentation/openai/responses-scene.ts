import { createRequire } from 'node:module'
import type * as Main from 'openai'
import type * as Browser from 'openai/helpers/browser'
import type * as Computer from 'openai/helpers/computer'
import type * as Decisions from 'openai/helpers/decisions-tool-runner'
import type * as Runner from 'openai/helpers/responses-tool-runner'
import type * as Zod from 'openai/helpers/zod'
import { afterAll, afterEach, beforeAll, beforeEach, expect, vi } from 'vitest'
import { openai } from '../../../instrumentation/openai/index.ts'
import { useGate } from '../../../instrumentation/process-gate.ts'
import { type Scene, startScene } from '../../support/gate-scene.ts'
import type { ProviderFake } from '../../support/providers/http.ts'
import { createOpenAI } from '../../support/providers/openai.ts'

export type Sdk = typeof Main &
  typeof Runner &
  typeof Zod &
  typeof Browser &
  typeof Computer &
  typeof Decisions
const require = createRequire(import.meta.url)
const PATHS = [
  'openai',
  ...['responses-tool-runner', 'zod', 'browser', 'computer', 'decisions-tool-runner'].map(
    (name) => `openai/helpers/${name}`,
  ),
]
const load = async (get: (path: string) => unknown): Promise<Sdk> =>
  Object.assign({}, ...(await Promise.all(PATHS.map(get))))
export const COPIES: readonly [string, Sdk][] = [
  ['ESM', await load((path) => import(path))],
  ['CommonJS', await load((path) => require(path))],
]
const PATCHED = ['OpenAI', 'ResponsesToolRunner', 'BrowserToolset', 'ComputerToolset', 'DecisionsToolRunner']

let scene: Scene
let provider: ProviderFake

/** Both copies under one gate; a provider of its own for each test. */
export function useResponses() {
  beforeAll(async () => {
    scene = await startScene()
    for (const [, sdk] of COPIES)
      for (const name of PATCHED) openai.patch({ [name]: sdk[name as keyof Sdk] }, scene.gate)
    useGate(scene.gate)
  })
  afterAll(async () => {
    useGate(undefined)
    await scene.stop()
  })
  beforeEach(async () => {
    provider = createOpenAI()
    await provider.start()
  })
  afterEach(async () => {
    await provider.stop()
    scene.broker.onRequest = () => undefined
    for (const told of ['requests', 'calls', 'outcomes'] as const) scene.broker[told].length = 0
  })
  return {
    broker: () => scene.broker,
    provider: () => provider,
    client: ({ OpenAI }: Sdk) => new OpenAI({ apiKey: 'test', baseURL: `${provider.url}/v1`, maxRetries: 0 }),
    /** What people have been asked about. */
    asked: () => scene.broker.requests.map(({ attempt }) => attempt),
    opened: (count = 1) =>
      vi.waitFor(
        () => {
          expect(scene.broker.requests).toHaveLength(count)
          return scene.broker.requests[count - 1] as Scene['broker']['requests'][number]
        },
        { interval: 2 },
      ),
  }
}
