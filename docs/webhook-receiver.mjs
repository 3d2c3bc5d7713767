// A receiver of Holdpoint's webhooks: verifies them, prints what waits, and sends what somebody at its terminal answers
// (`approve ID` or `deny ID why`). For Node 20 or later, after `npm install standardwebhooks`.
import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook(process.env.WEBHOOK_SECRET)
const reviewer = JSON.parse(process.env.REVIEWER)
const waiting = new Map()

const server = createServer(async (request, response) => {
  try {
    const { data } = webhook.verify(await text(request), request.headers)
    response.writeHead(204).end()
    if (data.request) show(data)
  } catch {
    response.writeHead(401).end()
  }
}).listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => console.log('port', server.address().port))

function show({ request: { requestId, state, risk, assurance }, model, url, renderHash, answerUrl }) {
  console.log(`${requestId} is ${state}: ${model.title}  ${url}`)
  waiting.delete(requestId)
  // What is heavier, or does not fit, is decided on the request's own page.
  if (state !== 'pending' || risk !== 'low' || assurance !== 'chat' || !model.isWhole) return
  waiting.set(requestId, { renderHash, answerUrl })
  // The model and not the card: in it, characters that would steer this terminal are visible.
  for (const { label, text } of model.sections.flatMap(({ fields }) => fields))
    console.log(`  ${label}: ${text}`)
}

for await (const line of createInterface({ input: process.stdin })) {
  const [verdict, requestId, ...words] = line.split(' ')
  const { renderHash, answerUrl } = waiting.get(requestId) ?? {}
  const reason = words.join(' ') || undefined
  const body = JSON.stringify({ requestId, verdict, renderHash, reason, reviewer })
  const [id, now] = [randomUUID(), new Date()]
  const signature = webhook.sign(id, now, body)
  const timestamp = String(Math.floor(now / 1000))
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  const response = answerUrl && (await fetch(answerUrl, { method: 'POST', body, headers }))
  console.log(requestId, response ? `${response.status} ${await response.text()}` : 'does not wait here')
}
server.close()
