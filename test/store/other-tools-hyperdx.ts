import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import type { ClickHouseTarget } from '#store'
import { SOURCES } from './other-tools-sources.ts'

const PROGRAM = join(import.meta.dirname, '../../node_modules/@hyperdx/cli/dist/cli.js')
const TERMINAL = pathToFileURL(join(import.meta.dirname, 'other-tools-terminal.ts')).href

type Row = Record<string, unknown>
type Answer = { id: string; status: string; data?: Row[]; error?: string; message?: string }

export interface HyperDx {
  /** The statements that came to its ClickHouse proxy and that the engine refused. */
  readonly refused: string[]
  /** Rows of each tile of a dashboard, under the tile's name. */
  chart(tiles: Record<string, object>, from: Date, to: Date): Promise<Record<string, Row[]>>
  /** The table of each source, as the engine describes it. */
  schemas(): Promise<string[]>
  /** Its search, on the screen. */
  open(source: string, query: string): Screen
  stop(): Promise<void>
}

export interface Screen {
  /** What was drawn since the last key, as soon as `what` is part of it. */
  until(what: string): Promise<string>
  press(key: string): void
  close(): Promise<void>
}

/**
 * HyperDX's own program over our store: it builds every statement itself, by the code that its web page uses. Only
 * the API server that it signs in to stands here: it knows the sources, and hands what comes to its ClickHouse
 * proxy on as it is.
 */
export async function startHyperDx(target: ClickHouseTarget): Promise<HyperDx> {
  const home = await mkdtemp(join(tmpdir(), 'holdpoint-hyperdx-'))
  const refused: string[] = []
  let tiles: object[] = []
  const answers: Record<string, () => unknown> = {
    '/api/me': () => ({ id: 'me', email: 'me@example.com', team: { id: 'team', name: 'team' } }),
    '/api/sources': () => SOURCES,
    '/api/connections': () => [{ id: 'ours', name: 'ours', host: target.url }],
    '/api/saved-searches': () => [],
    '/api/dashboards': () => [{ id: 'board', name: 'board', tags: [], tiles }],
  }
  const server = createServer((request, response) => {
    const { pathname, search } = new URL(request.url ?? '/', 'http://localhost')
    if (pathname.startsWith('/api/clickhouse-proxy')) return void pass(request, response, search)
    const answer = answers[pathname]
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer?.() ?? {}))
  })

  async function pass(request: IncomingMessage, response: ServerResponse, search: string): Promise<void> {
    const body = await text(request)
    const headers = { 'X-ClickHouse-User': target.user, 'X-ClickHouse-Key': target.password }
    const answer = await fetch(`${target.url}/${search}`, { method: 'POST', headers, body })
    const bytes = await answer.text()
    if (!answer.ok) refused.push(`${body}\n${search}\n${bytes}`)
    const kept = [...answer.headers].filter(([name]) => /^(x-clickhouse-|content-type$)/.test(name))
    response.writeHead(answer.status, Object.fromEntries(kept)).end(bytes)
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const started: ChildProcess[] = []
  const start = (args: readonly string[], node: readonly string[] = []) => {
    const child = spawn(process.execPath, [...node, PROGRAM, ...args, '--app-url', url], {
      env: { PATH: process.env.PATH, HOME: home, USERPROFILE: home, NODE_ENV: 'production', TERM: 'xterm' },
    })
    started.push(child)
    return child
  }

  async function answerOf(...args: string[]): Promise<unknown> {
    const child = start([...args, '--json'])
    const [answer, complaint] = await Promise.all([text(child.stdout), text(child.stderr)])
    if (answer === '') throw new Error(`hdx ${args[0]} answered nothing: ${complaint}`)
    return JSON.parse(answer)
  }

  return {
    refused,
    async chart(wanted, from, to) {
      tiles = Object.entries(wanted).map(([id, config], y) => ({ id, config, x: 0, y, w: 1, h: 1 }))
      const range = ['--from', from.toISOString(), '--to', to.toISOString(), '--granularity', '5 minute']
      const found = (await answerOf('chart', '--dashboard', 'board', ...range)) as Answer[]
      for (const { id, status, error, message } of found)
        if (status !== 'ok') throw new Error(`${id}: ${error ?? message ?? status}`)
      return Object.fromEntries(found.map(({ id, data = [] }) => [id, data]))
    },
    async schemas() {
      const found = (await answerOf('sources')) as { schema: string | null }[]
      return found.flatMap(({ schema }) => schema ?? [])
    },
    open(source, query) {
      return screenOf(start(['tui', '--source', source, '--query', query], ['--import', TERMINAL]))
    },
    async stop() {
      for (const child of started) child.kill()
      server.close()
      server.closeAllConnections()
      await rm(home, { recursive: true, force: true })
    },
  }
}

function screenOf(child: ChildProcess): Screen {
  let drawn = ''
  let look = () => {}
  const ended = once(child, 'close')
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (part: string) => {
      drawn += stripVTControlCharacters(part)
      look()
    })
  return {
    until: (what) =>
      new Promise((resolve, reject) => {
        look = () => drawn.includes(what) && resolve(drawn)
        void ended.then(() => reject(new Error(`hdx ended without ${JSON.stringify(what)}:\n${drawn}`)))
        look()
      }),
    press(key) {
      drawn = ''
      child.stdin?.write(key)
    },
    async close() {
      child.kill()
      await ended
    },
  }
}
