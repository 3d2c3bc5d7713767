import { AsyncLocalStorage } from 'node:async_hooks'
import { createPermits, type Permits } from '../permits.ts'
import type { Agent, ModelSettings, Runner, RunOptions, RunState } from './sdk.ts'

/** What a guardrail is not told of the run that it belongs to. */
export interface Run {
  /** Fires when the caller has gone. */
  signal?: AbortSignal | undefined
  conversation?: (() => Promise<string | undefined>) | undefined
  user?: string | undefined
  /** What was approved before this run went on. */
  resumed?: Permits | undefined
  /** The guardrails run a first time before the SDK asks its own question, and again before the tool does. */
  asksBefore?: boolean
}

const runs = new AsyncLocalStorage<Run>()
const resumptions = new WeakMap<object, Permits>()

/** A run of an agent that is another one's tool knows what that one knows. */
export function withRun<T>(
  runner: Runner,
  input: unknown,
  options: RunOptions | undefined,
  body: () => T,
): T {
  const outer = runs.getStore()
  const { groupId, modelSettings, toolExecution } = runner.config ?? {}
  const run: Run = {
    signal: options?.signal ?? outer?.signal,
    conversation: conversationOf(options, groupId) ?? outer?.conversation,
    user: userIn(modelSettings) ?? outer?.user,
    resumed: resumptions.get(input as object) ?? outer?.resumed,
    asksBefore: (options?.toolExecution ?? toolExecution)?.preApprovalInputGuardrails === true,
  }
  return runs.run(run, body)
}

function conversationOf(
  { conversationId, session }: RunOptions = {},
  groupId: string | undefined,
): Run['conversation'] {
  if (conversationId !== undefined) return async () => conversationId
  // The session's store may fail; then the call is held without a conversation rather than not at all.
  if (session !== undefined) return () => session.getSessionId().catch(() => undefined)
  return groupId === undefined ? undefined : async () => groupId
}

export const currentRun = (): Run => runs.getStore() ?? {}

/** Where a run goes on with what was approved meanwhile: known by its state, and by its context without a hook. */
export function keptFor(state: RunState): Permits {
  const permits = resumptions.get(state) ?? createPermits()
  for (const place of [state, state._context]) resumptions.set(place, permits)
  return permits
}

export const resumedIn = (context: object): Permits | undefined =>
  runs.getStore()?.resumed ?? resumptions.get(context)

/** OpenAI's own words for the end user: `safety_identifier`, formerly `user`. */
export const userOf = (agent: Agent | undefined): string | undefined =>
  userIn(agent?.modelSettings) ?? runs.getStore()?.user

function userIn(settings: ModelSettings | undefined): string | undefined {
  const { safety_identifier: user = settings?.providerData?.user } = settings?.providerData ?? {}
  return typeof user === 'string' && user !== '' ? user : undefined
}
