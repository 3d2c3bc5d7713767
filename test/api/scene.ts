import type { Hono } from 'hono'
import { type ApiConfig, createApi } from '#api'
import { PROBLEM_TYPE, type ShowReply } from '#contract'
import type { Desk } from '#desk'
import { type House, startHouse, type TestAgent } from '../support/house.ts'
import { measured } from '../support/metrics/measured.ts'

type Person = Parameters<House['token']>[0]

/** The API before a whole installation. */
export interface Scene {
  house: House
  agent: TestAgent
  api: Hono
  /** Timers fire when a test says so, by their period. */
  fire(ms: number): void
  timers(): number
  get(path: string, as?: Person, headers?: Record<string, string>): Promise<Response>
  post(
    path: string,
    as: Person | undefined,
    body: unknown,
    headers?: Record<string, string>,
  ): Promise<Response>
  show(requestId: string, as?: Person): Promise<ShowReply>
  review(requestId: string, as: Person, change?: Record<string, unknown>): Promise<Response>
}

export async function startScene(config: Partial<ApiConfig> = {}): Promise<Scene> {
  const house = await startHouse()
  const agent = await house.agent('support-agent')
  const { api, fire, timers } = apiOf(house, config)
  const bearer = (as: Person | undefined) => (as ? { authorization: `Bearer ${house.token(as)}` } : {})
  const scene: Scene = {
    house,
    agent,
    api,
    fire,
    timers,
    get: async (path, as, headers = {}) => api.request(path, { headers: { ...bearer(as), ...headers } }),
    post: async (path, as, body, headers = {}) =>
      api.request(path, {
        method: 'POST',
        headers: { ...bearer(as), 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    show: (requestId, as = 'bob') => jsonOf(scene.get(`/v1/requests/${requestId}`, as)),
    async review(requestId, as, change = {}) {
      const { renderHash } = await scene.show(requestId, as)
      return scene.post(`/v1/requests/${requestId}/reviews`, as, {
        verdict: 'approve',
        renderHash,
        ...change,
      })
    },
  }
  return scene
}

export function apiOf(house: House, config: Partial<ApiConfig> = {}, desk: Desk = house.desk) {
  const running = new Set<{ ms: number; work: () => void }>()
  // Each API counts for itself.
  const { made: api } = measured((exposition) =>
    createApi(
      { publicUrl: () => 'https://holdpoint.example.com', version: '1.2.3', ...config },
      {
        desk,
        exposition,
        now: house.clock.now,
        log: house.log,
        every(ms, work) {
          const timer = { ms, work }
          running.add(timer)
          return () => running.delete(timer)
        },
      },
    ),
  )
  return {
    api,
    timers: () => running.size,
    fire: (ms: number) => {
      for (const timer of [...running]) if (timer.ms === ms) timer.work()
    },
  }
}

export const jsonOf = async <T>(response: Response | Promise<Response>): Promise<T> =>
  (await (await response).json()) as T

/** Status and code of a refusal, which has to be a problem. */
export async function refusal(response: Response): Promise<[number, string]> {
  if (response.headers.get('content-type') !== PROBLEM_TYPE)
    throw new Error(`expected a problem, got ${response.status} ${await response.text()}`)
  const problem = (await response.json()) as { status: number; code: string }
  if (problem.status !== response.status) throw new Error(`the problem says ${problem.status}`)
  return [response.status, problem.code]
}
