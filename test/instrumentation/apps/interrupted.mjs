// One run in two processes: `ask FILE` runs until the SDK interrupts it, asks, and ends; `resume FILE` goes on.
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, RunState, run, setTracingDisabled, tool } from '@openai/agents'
import { assistantMessage, functionCall, ScriptedModel } from '@openai/agents-core/testing'
import { z } from 'zod'
import { requestInterruptions, resumeInterruptions } from '../../../instrumentation/openai-agents/index.ts'

setTracingDisabled(true)
const [mode, file] = process.argv.slice(2)
const called = []
const exportCustomers = tool({
  name: 'export_customers',
  description: 'Exports customers',
  parameters: z.object({ limit: z.number() }),
  needsApproval: true,
  execute: async (given) => {
    called.push(given)
    return 'exported'
  },
})
const calls = [1, 2].map((limit) => functionCall('export_customers', { limit }, { callId: `call-${limit}` }))
const model = new ScriptedModel(mode === 'ask' ? [calls] : [[assistantMessage('done')]])
const agent = new Agent({ name: 'Clerk', model, tools: [exportCustomers] })

if (mode === 'ask') {
  const result = await run(agent, 'go')
  const held = await requestInterruptions(result)
  writeFileSync(file, JSON.stringify({ state: result.state.toString(), held }))
  process.stdout.write(JSON.stringify({ interrupted: result.interruptions.length, called }))
} else {
  const { state: text, held } = JSON.parse(readFileSync(file, 'utf8'))
  const state = await RunState.fromString(agent, text)
  const resumed = await resumeInterruptions(state, held)
  const { finalOutput } = await run(agent, state)
  const results = model.lastCall.request.input.filter(({ type }) => type === 'function_call_result')
  const outputs = Object.fromEntries(results.map(({ callId, output }) => [callId, output.text ?? output]))
  process.stdout.write(JSON.stringify({ ...resumed, finalOutput, called, outputs }))
}
