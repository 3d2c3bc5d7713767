import { expect } from 'vitest'
import type { Scene } from './scene.ts'

interface Message {
  event?: string
  id?: string
  data?: unknown
  comment?: string
}
export type Reader = ReturnType<typeof readerOf>

/** Reads as a browser does; `next` waits for what has not come yet. */
export function readerOf(response: Response) {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const decoder = new TextDecoder()
  let text = ''
  return {
    response,
    async next(): Promise<Message | undefined> {
      while (!text.includes('\n\n')) {
        const { done, value } = await reader.read()
        if (done) return undefined
        text += decoder.decode(value, { stream: true })
      }
      const [block = '', ...rest] = text.split('\n\n')
      text = rest.join('\n\n')
      const message: Message = {}
      for (const line of block.split('\n')) {
        const [, name = '', value = ''] = /^(\w*): (.*)$/s.exec(line) ?? []
        if (name === '') message.comment = value
        else if (name === 'data') message.data = JSON.parse(value)
        else message[name as 'event' | 'id'] = value
      }
      return message
    },
    close: () => reader.cancel(),
  }
}

/** What the next event of this name says. After a leap of the clock, abandoned requests end in between. */
export async function nextOf(reader: Reader, name: string): Promise<unknown> {
  for (;;) {
    const { event, data } = (await reader.next()) ?? {}
    if (event === name) return data
    expect(event).toBe('decided')
  }
}

/** A stream of the scene's own API; the token is Bob's if none is given. */
export async function openEvents(
  scene: Scene,
  query = '',
  options: { token?: string; headers?: Record<string, string> } = {},
): Promise<Reader> {
  const { token = scene.house.token('bob'), headers = {} } = options
  const response = await scene.api.request(`/v1/events${query}`, {
    headers: { authorization: `Bearer ${token}`, ...headers },
  })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  return readerOf(response)
}
