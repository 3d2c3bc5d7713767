import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { freePort } from '#runtime'
import type { House } from '../../support/house.ts'

/** A broker in a process of its own, into which one can look: through the debugger that every Node process has. */
export interface Inspected {
  child: ChildProcess
  /** Bytes on the heap and outside it that are in use, after a full garbage collection. */
  usedBytes(): Promise<number>
  /** Resident bytes of the process. */
  residentBytes(): number
  close(): void
}

export async function spawnInspected(house: House): Promise<Inspected> {
  const port = await freePort(0)
  const child = await house.spawnBroker({ NODE_OPTIONS: `--inspect=127.0.0.1:${port}` })
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as {
    webSocketDebuggerUrl: string
  }[]
  const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '')
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = () => reject(new Error('the broker cannot be inspected'))
  })
  const waiting = new Map<number, (result: unknown) => void>()
  socket.onmessage = ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown }
    if (id !== undefined) waiting.get(id)?.(result)
  }
  const send = <T>(method: string, params: object = {}): Promise<T> => {
    const id = waiting.size + 1
    return new Promise((resolve) => {
      waiting.set(id, resolve as (result: unknown) => void)
      socket.send(JSON.stringify({ id, method, params }))
    })
  }

  return {
    child,
    async usedBytes() {
      await send('HeapProfiler.collectGarbage')
      const expression = '{ const m = process.memoryUsage(); m.heapUsed + m.external }'
      const { result } = await send<{ result: { value: number } }>('Runtime.evaluate', { expression })
      return result.value
    },
    residentBytes() {
      const [, kib = ''] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? []
      return Number(kib) * 1024
    },
    close: () => socket.close(),
  }
}

/** Processor time that a process has used so far, milliseconds (Linux: 100 ticks a second). */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
