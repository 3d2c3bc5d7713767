import type { ScriptedModel } from '@openai/agents-core/testing'

/** The last tool output that the model was given, by call id. */
export function outputsOf(model: ScriptedModel): Record<string, string> {
  const input = model.lastCall?.request.input
  const items = Array.isArray(input) ? input : []
  return Object.fromEntries(
    items.flatMap((item) => {
      if (item.type !== 'function_call_result') return []
      const { output } = item as { output: string | { text?: string } }
      return [[item.callId, typeof output === 'string' ? output : (output.text ?? JSON.stringify(output))]]
    }),
  )
}
