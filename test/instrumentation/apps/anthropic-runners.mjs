// Tools of runners that come about otherwise than by `messages.toolRunner`: of a thread, and by the class itself.
import { createRequire } from 'node:module'
import { Anthropic } from '@anthropic-ai/sdk'

const [, , baseURL] = process.argv
const params = {
  model: 'claude-test',
  max_tokens: 100,
  messages: [{ role: 'user', content: 'go' }],
  tools: [
    {
      name: 'export_customers',
      input_schema: { type: 'object' },
      parse: (given) => given,
      run: () => process.stdout.write('exported\n'),
    },
  ],
}
const client = new Anthropic({ apiKey: 'test', baseURL, maxRetries: 0 })
await client.beta.messages.thread(params).toolRunner()

const { Anthropic: Other } = createRequire(import.meta.url)('@anthropic-ai/sdk')
const other = new Other({ apiKey: 'test', baseURL, maxRetries: 0 })
await new Other.Beta.Messages.BetaToolRunner(other, params)
process.stdout.write('ended\n')
process.exit(0)
