// One graph in two processes: `ask FILE` runs until it is interrupted, keeps its state, and ends; `resume FILE` goes on.
import { readFileSync, writeFileSync } from 'node:fs'
import { fakeModel } from '@langchain/core/testing'
import { Command, interrupt, MemorySaver } from '@langchain/langgraph'
import { AIMessage, createAgent, HumanMessage, tool } from 'langchain'
import { z } from 'zod'
import { decidedInterrupts, interruptible } from '../../../instrumentation/langchain/index.ts'

const [mode, file] = process.argv.slice(2)
const called = []
const exportCustomers = tool(
  async (given) => {
    called.push(given)
    return 'exported'
  },
  { name: 'export_customers', description: 'Exports customers', schema: z.object({ limit: z.number() }) },
)
const checkpointer = new MemorySaver()
const model = fakeModel()
if (mode === 'ask')
  model.respondWithTools(
    [1, 2].map((limit) => ({ id: `call-${limit}`, name: 'export_customers', args: { limit } })),
  )
model.respond(new AIMessage('done'))
const agent = createAgent({ model, tools: [interruptible(exportCustomers, interrupt)], checkpointer })
const config = { configurable: { thread_id: 'thread-1' } }

/** Bytes, as a database would keep them. */
const asText = (_key, value) => (value instanceof Uint8Array ? { bytes: [...value] } : value)
const asBytes = (_key, value) => (Array.isArray(value?.bytes) ? Uint8Array.from(value.bytes) : value)

if (mode === 'ask') {
  const { __interrupt__: interrupts } = await agent.invoke({ messages: [new HumanMessage('go')] }, config)
  const { storage, writes } = checkpointer
  writeFileSync(file, JSON.stringify({ storage, writes, interrupts }, asText))
  process.stdout.write(JSON.stringify({ interrupted: interrupts.length, called }))
} else {
  const { storage, writes, interrupts } = JSON.parse(readFileSync(file, 'utf8'), asBytes)
  Object.assign(checkpointer, { storage, writes })
  const { resume, waiting } = await decidedInterrupts(interrupts)
  const { messages } = await agent.invoke(new Command({ resume }), config)
  const outputs = messages.filter((message) => message.getType() === 'tool').map(({ content }) => content)
  process.stdout.write(JSON.stringify({ waiting, called, outputs }))
}
