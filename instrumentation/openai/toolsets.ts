import type { Gate } from '#gate'
import { replaceMethod } from '../instrumentation.ts'
import { attemptOf } from './attempt.ts'
import type { ComputerCall, FunctionCall } from './sdk.ts'

/** The model's clicks and keys, call by call. What the SDK's own policy declines ends the run: so does a refusal. */
export function patchComputer(Toolset: unknown, gate: Gate): void {
  replaceMethod(Toolset, 'executeOwned', (original) => {
    return async function executeOwned(this: unknown, ...given: never[]) {
      const [call, policy] = given as unknown as [ComputerCall, { signal?: AbortSignal } | undefined]
      const { call_id: attempt, action, actions, pending_safety_checks } = call
      const asked = Object.fromEntries(
        Object.entries({ action, actions, pending_safety_checks }).filter(([, value]) => value !== undefined),
      )
      const held = await gate.hold(
        attemptOf({ kind: 'tool', name: 'computer', arguments: asked, attempt, signal: policy?.signal }),
        (approved) => original.call(this, { ...call, ...(approved as object) } as never, policy as never),
      )
      if (held.ran) return held.value
      throw new Error(held.refusal.message)
    } as never
  })
}

/** A browser's functions, under the names that the model knows. A refusal reads as the SDK's own failures do. */
export function patchBrowser(Toolset: unknown, gate: Gate): void {
  replaceMethod(Toolset, 'executeOwned', (original) => {
    return async function executeOwned(this: unknown, ...given: never[]) {
      const [call, signal, skip, ...more] = given as unknown as [
        FunctionCall,
        AbortSignal?,
        boolean?,
        unknown?,
      ]
      // What comes after a failure is only said to be skipped.
      if (skip === true) return original.apply(this, given)
      const { call_id, name, arguments: argumentsText } = call
      const held = await gate.hold(
        attemptOf({ kind: 'tool', name, argumentsText, attempt: call_id, signal }),
        (approved) => {
          const exactly = { ...call, arguments: JSON.stringify(approved) }
          return original.apply(this, [exactly, signal, skip, ...more] as never[])
        },
      )
      if (held.ran) return held.value
      const text = JSON.stringify({ ok: false, error: held.refusal.message })
      return {
        ok: false,
        output: { type: 'function_call_output', call_id, output: [{ type: 'input_text', text }] },
      }
    } as never
  })
}

/** Of the operations that the program offers the model chooses one by its id; the arguments are the program's. */
export function patchDecisions(Runner: unknown, gate: Gate): void {
  replaceMethod({ prototype: Runner, name: 'DecisionsToolRunner' }, 'ownCandidates', (original) => {
    return function ownCandidates(this: unknown, ...given: never[]) {
      const owned = original.apply(this, given) as Map<string, Candidate>
      const guarded = [...owned].map(([id, candidate]) => [id, guardCandidate(candidate, gate)] as const)
      return new Map(guarded)
    } as never
  })
}

function guardCandidate(candidate: Candidate, gate: Gate): Candidate {
  const { id, description, execute } = candidate
  if (typeof execute !== 'function') return candidate
  return {
    ...candidate,
    async execute() {
      const held = await gate.hold({ kind: 'tool', name: id, arguments: { description } }, () => execute())
      if (!held.ran) throw new Error(held.refusal.message)
    },
  }
}

interface Candidate {
  id: string
  description: string
  execute?: () => unknown
}
