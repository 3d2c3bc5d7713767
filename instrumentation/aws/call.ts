import { AsyncLocalStorage } from 'node:async_hooks'
import { canonicalize, HoldpointError, type JsonValue } from '#contract'
import type { Gate, GateAttempt } from '#gate'
import { HoldpointRefused, tooLarge } from '../http/refused.ts'
import { spanOpenedFor } from '../same-span.ts'
import type { AwsAction } from './action.ts'
import { type Described, describeInput, freezeInput, MAX_STREAM_BYTES } from './input.ts'
import { type Outline, outlineOf, type SmithyRequest } from './request.ts'

export interface CallOptions {
  gate: Gate
  describe(input: Record<string, unknown>): Promise<AwsAction>
  serviceId: string
  operation: string
  isPresigned: boolean
  abortSignal: unknown
}

/** One call of an operation, from its input to the wire: retries and redirects begin within it anew, and are no others. */
export interface Call {
  begin<T>(run: () => Promise<T>): Promise<T>
  /** Runs with the approved input. Throws HoldpointRefused. */
  ask<T>(input: object, run: (approved: object) => Promise<T>): Promise<T>
  /** Throws where something else than the input that was allowed is about to be serialized. */
  checkInput(input: object): void
  /** What the allowed input was serialized to. */
  keep(request: SmithyRequest): void
  /** Throws where it is no longer that. */
  checkRequest(request: SmithyRequest): void
  /** Whether a request is the one that was allowed, so that it is asked about no more. */
  covers(): boolean
}

interface State {
  /** Set once it may run. */
  allowed?: { given: string; input: object; described: Described }
  request?: Outline
}

export function createCall(options: CallOptions): Call {
  const { gate, describe, isPresigned, abortSignal } = options
  const states = new AsyncLocalStorage<State>()
  const state = (): State => {
    const current = states.getStore()
    if (current === undefined) throw new HoldpointError('INTERNAL', 'An AWS call has left its own context.')
    return current
  }

  return {
    begin: (run) => states.run({}, run),
    async ask(input, run) {
      const current = state()
      const described = describeInput(input)
      // The SDK begins anew within the same call, where a bucket is in another region, for one.
      if (current.allowed?.given === described.text) return run(current.allowed.input)
      const signal = abortSignal instanceof AbortSignal ? abortSignal : undefined
      const annotate = spanOpenedFor([
        [['rpc.system', 'rpc.system.name'], 'aws-api'],
        [['rpc.service'], options.serviceId],
        [['rpc.method'], options.operation],
      ])
      const { region, ...action } = await describe(described.value as Record<string, JsonValue>)
      await gate.ready(signal)
      const attempt = (value: JsonValue): GateAttempt => ({
        ...action,
        arguments: {
          ...(value as object),
          // The same name is another thing in another region.
          ...(region === '' ? {} : { $region: region }),
          ...(isPresigned ? { $presigned: true } : {}),
        },
        ...(signal === undefined ? {} : { signal }),
        ...(annotate === undefined ? {} : { annotate }),
      })
      const says = gate.foresee(attempt(described.value))
      const isFree = says === 'allow' || says === 'observe'
      const sent = isFree ? { input, described } : await freezeInput(input, signal)
      if (sent === undefined) throw tooLarge(action.name, MAX_STREAM_BYTES)
      const held = await gate.hold(attempt(sent.described.value), () => {
        current.allowed = { given: described.text, input: sent.input, described: sent.described }
        return run(sent.input)
      })
      if (held.ran) return held.value
      throw signal?.aborted ? abortError(signal) : new HoldpointRefused(held.refusal)
    },
    checkInput(input) {
      const { allowed } = state()
      if (allowed === undefined || !isSame(allowed.described, describeInput(input)))
        throw changed('The input of the call was changed after it had been allowed.')
    },
    keep(request) {
      state().request = outlineOf(request)
    },
    checkRequest(request) {
      const before = state().request
      const now = outlineOf(request)
      if (before?.line !== now.line || !isSameBody(before.body, now.body))
        throw changed('The request was changed into another one after the call had been allowed.')
    },
    covers: () => states.getStore()?.request !== undefined,
  }
}

/** Which checksum it adds is the SDK's own affair. */
const ADDED_BY_SDK = ['ChecksumAlgorithm', 'ChecksumMode'] as const

function isSame(allowed: Described, now: Described): boolean {
  if (now.text === allowed.text) return true
  const value = { ...(now.value as Record<string, JsonValue>) }
  for (const name of ADDED_BY_SDK) if (!Object.hasOwn(allowed.value as object, name)) delete value[name]
  return canonicalize(value) === allowed.text
}

/** A stream is wrapped by the SDK, to be sent in chunks that are signed: nobody knew before what it would say. */
const isSameBody = (before: unknown, now: unknown): boolean =>
  before === now || (typeof before === 'object' && before !== null && typeof now === 'object' && now !== null)

const changed = (message: string): HoldpointError => new HoldpointError('WARRANT_MISMATCH', message)

/** As the SDK itself says it. */
const abortError = (signal: AbortSignal): Error =>
  Object.assign(new Error('Request aborted', { cause: signal.reason }), { name: 'AbortError' })
