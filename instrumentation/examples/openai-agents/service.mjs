// A shop's assistant on the OpenAI Agents SDK. Nothing in here knows of Holdpoint: its start command does.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { Agent, Runner, tool } from '@openai/agents'
import { z } from 'zod'

const orders = new Map([['A-1001', { customer: 'Ada Lang', total: 940, status: 'delivered' }]])

const lookupOrder = tool({
  name: 'lookup_order',
  description: 'Look up one order by its number',
  parameters: z.object({ order: z.string() }),
  execute: ({ order }) => orders.get(order) ?? 'There is no such order.',
})

const issueRefund = tool({
  name: 'issue_refund',
  description: 'Pay money back to the customer of an order',
  parameters: z.object({ order: z.string(), amount: z.number() }),
  timeoutMs: 5_000,
  execute: ({ order, amount }) => {
    console.log(`refunded ${amount} for ${order}`)
    return { refunded: amount }
  },
})

const exportCustomers = tool({
  name: 'export_customers',
  description: 'Export all customers of a region as CSV',
  parameters: z.object({ region: z.string() }),
  execute: ({ region }) => {
    console.log(`exported ${region}`)
    return 'name,email\nAda Lang,ada@example.com'
  },
})

const assistant = new Agent({
  name: 'Shop assistant',
  model: process.env.MODEL ?? 'gpt-5.4-mini',
  instructions: 'You help the staff of a shop. When an action is refused, tell them why.',
  tools: [lookupOrder, issueRefund, exportCustomers],
})

/** POST /ask {"question", "conversation", "user"} answers with {"answer"}. */
const server = createServer(async (request, response) => {
  const { question, conversation, user } = await json(request)
  const caller = new AbortController()
  response.on('close', () => caller.abort())
  const runner = new Runner({
    groupId: conversation,
    modelSettings: { providerData: { safety_identifier: user } },
  })
  try {
    const { finalOutput } = await runner.run(assistant, question, { signal: caller.signal })
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ answer: finalOutput }))
  } catch (error) {
    response.writeHead(500).end(String(error))
  }
})
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
