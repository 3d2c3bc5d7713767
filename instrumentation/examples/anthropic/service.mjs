// A billing clerk on Anthropic's SDK. Nothing in here knows of Holdpoint: its start command does.
import { createServer } from 'node:http'
import { json } from 'node:stream/consumers'
import { Anthropic } from '@anthropic-ai/sdk'
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod'
import { z } from 'zod'

const invoices = new Map([['INV-7', { customer: 'Ada Lang', total: 940, paid: true }]])

const lookupInvoice = betaZodTool({
  name: 'lookup_invoice',
  description: 'Look up one invoice by its number',
  inputSchema: z.object({ invoice: z.string() }),
  run: ({ invoice }) => JSON.stringify(invoices.get(invoice) ?? 'There is no such invoice.'),
})

const issueRefund = betaZodTool({
  name: 'issue_refund',
  description: 'Pay money back to the customer of an invoice',
  inputSchema: z.object({ invoice: z.string(), amount: z.number() }),
  run: ({ invoice, amount }) => {
    console.log(`refunded ${amount} for ${invoice}`)
    return JSON.stringify({ refunded: amount })
  },
})

const exportInvoices = betaZodTool({
  name: 'export_invoices',
  description: 'Export all invoices of a year as CSV',
  inputSchema: z.object({ year: z.number() }),
  run: ({ year }) => {
    console.log(`exported ${year}`)
    return 'invoice,customer\nINV-7,Ada Lang'
  },
})

const client = new Anthropic()

/** POST /ask {"question", "conversation", "user"} answers with {"answer"}. */
const server = createServer(async (request, response) => {
  const { question, conversation, user } = await json(request)
  const caller = new AbortController()
  response.on('close', () => caller.abort())
  try {
    const message = await client.beta.messages.toolRunner(
      {
        model: process.env.MODEL ?? 'claude-sonnet-5',
        max_tokens: 1_000,
        system: 'You help the accountants of a shop. When an action is refused, tell them why.',
        messages: [{ role: 'user', content: question }],
        tools: [lookupInvoice, issueRefund, exportInvoices],
        metadata: { user_id: user },
      },
      { signal: caller.signal, openTelemetry: { conversationId: conversation } },
    )
    const answer = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('')
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ answer }))
  } catch (error) {
    response.writeHead(500).end(String(error))
  }
})
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`)
})
