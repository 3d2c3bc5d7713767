// One conversation in two processes: `ask FILE` runs until the SDK interrupts it, asks, and ends; `resume FILE` goes on,
// and reaches the SDK from CommonJS.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { MockLanguageModelV4 } from 'ai/test'
import { z } from 'zod'
import { requestApprovals, resumeApprovals } from '../../../instrumentation/ai/index.ts'

const [mode, file] = process.argv.slice(2)
const require = createRequire(import.meta.url)
const { generateText, isStepCount, tool } = mode === 'ask' ? await import('ai') : require('ai')

const called = []
const exportCustomers = tool({
  inputSchema: z.object({ limit: z.number() }),
  needsApproval: true,
  execute: async (given) => {
    called.push(given)
    return 'exported'
  },
})
const calls = [1, 2].map((limit) => ({
  type: 'tool-call',
  toolCallId: `call-${limit}`,
  toolName: 'export_customers',
  input: JSON.stringify({ limit }),
}))
const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } }
const model = new MockLanguageModelV4({
  doGenerate: async () => ({
    content: mode === 'ask' ? calls : [{ type: 'text', text: 'done' }],
    finishReason: { unified: mode === 'ask' ? 'tool-calls' : 'stop' },
    usage,
    warnings: [],
  }),
})
const options = { model, tools: { export_customers: exportCustomers }, stopWhen: isStepCount(2) }
const go = { role: 'user', content: 'go' }

if (mode === 'ask') {
  const { content, responseMessages } = await generateText({ ...options, messages: [go] })
  const held = await requestApprovals(content)
  writeFileSync(file, JSON.stringify({ messages: [go, ...responseMessages], held }))
  process.stdout.write(JSON.stringify({ asked: Object.keys(held.calls).length, called }))
} else {
  const { messages, held } = JSON.parse(readFileSync(file, 'utf8'))
  const resumed = await resumeApprovals(messages, held)
  await generateText({ ...options, messages: resumed.messages })
  const outputs = model.doGenerateCalls
    .at(-1)
    .prompt.flatMap(({ content }) => content)
    .filter(({ type }) => type === 'tool-result')
    .map(({ output }) => output.value ?? output.reason)
  process.stdout.write(JSON.stringify({ called, outputs }))
}
