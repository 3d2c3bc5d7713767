// A shop's assistant on LangChain and LangGraph. Its tools are held by its start command; `interruptible` lets it go home
// meanwhile: what waits for people is kept with the graph's state, and goes on in any process.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { decidedInterrupts, interruptible } from '@holdpoint/instrumentation/langchain'
import { Command, interrupt, MemorySaver } from '@langchain/langgraph'
import { ChatOpenAI } from '@langchain/openai'
import { createAgent, HumanMessage, tool } from 'langchain'
import { z } from 'zod'

const orders = new Map([['A-1001', { customer: 'Ada Lang', total: 940, status: 'delivered' }]])

const lookupOrder = tool(({ order }) => orders.get(order) ?? 'There is no such order.', {
  name: 'lookup_order',
  description: 'Look up one order by its number',
  schema: z.object({ order: z.string() }),
})

const issueRefund = tool(
  ({ order, amount }) => {
    console.log(`refunded ${amount} for ${order}`)
    return { refunded: amount }
  },
  {
    name: 'issue_refund',
    description: 'Pay money back to the customer of an order',
    schema: z.object({ order: z.string(), amount: z.number() }),
    defaultConfig: { timeout: 5_000 },
  },
)

const exportCustomers = tool(
  ({ region }) => {
    console.log(`exported ${region}`)
    return 'name,email\nAda Lang,ada@example.com'
  },
  {
    name: 'export_customers',
    description: 'Export all customers of a region as CSV',
    schema: z.object({ region: z.string() }),
  },
)

const assistant = createAgent({
  name: 'shop_assistant',
  model: new ChatOpenAI({ model: process.env.MODEL ?? 'gpt-5.4-mini', useResponsesApi: true }),
  systemPrompt: 'You help the staff of a shop. When an action is refused, tell them why.',
  tools: [lookupOrder, issueRefund, exportCustomers].map((one) => interruptible(one, interrupt)),
  // One that keeps its state in a database survives a restart of the service.
  checkpointer: new MemorySaver(),
})

/** The answer, or the requests that wait for people. */
async function run(input, config) {
  const { messages, __interrupt__: interrupts = [] } = await assistant.invoke(input, config)
  if (interrupts.length === 0) return { answer: messages.at(-1).text }
  return { waiting: interrupts.map(({ value }) => value.requestId) }
}

const routes = {
  /** {"question", "conversation", "user"} */
  '/ask': ({ question }, config) => run({ messages: [new HumanMessage(question)] }, config),
  /** {"conversation", "user"}: goes on with what people have decided by now. */
  async '/continue'(_body, config) {
    const { tasks } = await assistant.graph.getState(config)
    const interrupts = tasks.flatMap((task) => task.interrupts)
    const { resume } = await decidedInterrupts(interrupts)
    if (Object.keys(resume).length > 0) return run(new Command({ resume }), config)
    return { waiting: interrupts.map(({ value }) => value.requestId) }
  },
}

const server = createServer(async (request, response) => {
  const route = Object.hasOwn(routes, request.url) ? routes[request.url] : undefined
  if (route === undefined) return response.writeHead(404).end()
  try {
    const body = await json(request)
    const config = { configurable: { thread_id: body.conversation, user_id: body.user } }
    const result = await route(body, config)
    response.writeHead('waiting' in result ? 202 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(result))
  } catch (error) {
    response.writeHead(500).end(String(error))
  }
})
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
