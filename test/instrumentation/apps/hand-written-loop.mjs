// An agent without a framework, as somebody writes it who has never heard of a gate: a loop over chat completions that
// does what the model says.
import { exec, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { DeleteBucketCommand, S3Client } from '@aws-sdk/client-s3'
import OpenAI from 'openai'
import pg from 'pg'

const [, , baseURL, database, s3Endpoint] = process.argv
const openai = new OpenAI({ apiKey: 'test', baseURL, maxRetries: 0 })
const s3 = new S3Client({
  region: 'eu-west-1',
  endpoint: s3Endpoint,
  forcePathStyle: true,
  maxAttempts: 1,
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
})

const actions = {
  async run_shell({ command }) {
    const { stdout } = await promisify(exec)(command)
    return stdout || 'done'
  },
  async run_program({ program, words }) {
    const child = spawn(program, words)
    const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
    return `ended with ${code} ${said}`
  },
  async query_database({ sql }) {
    const client = new pg.Client({ connectionString: database })
    await client.connect()
    try {
      const { rowCount } = await client.query(sql)
      return `${rowCount} rows`
    } finally {
      await client.end()
    }
  },
  async delete_bucket({ bucket }) {
    await s3.send(new DeleteBucketCommand({ Bucket: bucket }))
    return 'deleted'
  },
}

const tools = Object.keys(actions).map((name) => ({
  type: 'function',
  function: { name, description: name, parameters: { type: 'object' } },
}))
const messages = [{ role: 'user', content: 'Clean up.' }]

for (;;) {
  const { choices } = await openai.chat.completions.create({ model: 'gpt-test', messages, tools })
  const { message } = choices[0]
  messages.push({ role: 'assistant', content: message.content, tool_calls: message.tool_calls })
  if (message.tool_calls === undefined) break
  const results = message.tool_calls.map(async ({ id, function: { name, arguments: given } }) => {
    const content = await actions[name](JSON.parse(given)).catch((error) => `failed: ${error.message}`)
    return { role: 'tool', tool_call_id: id, content }
  })
  messages.push(...(await Promise.all(results)))
}
process.stdout.write(`${messages.at(-1).content}\n`)
process.exit(0)
