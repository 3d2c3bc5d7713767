import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { toLedgerRow } from '#store'
import { decided, requested } from './entries.ts'
import { type Scene, startScene } from './scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await startScene()
})
afterAll(() => scene?.stop())

const rows = () =>
  scene.store.query<{ i: number; decision: string }>(
    "SELECT ledger_index AS i, decision FROM holdpoint_ledger FINAL WHERE origin = '1' ORDER BY i, decision",
  )
const at = (index: number, entry: Parameters<typeof toLedgerRow>[0]) =>
  toLedgerRow(entry, { origin: '1', index, leafHash: String(index).repeat(64), statement: '{}' })

describe('what stands in the store already', () => {
  it('ledger writer - a row that contradicts the ledger does not hide it: both stand there, and it says so', async () => {
    await scene.append(requested(), decided({ decision: 'denied' }), requested({ requestId: 'r2' }))
    // Another ledger under the same name, or a row that nobody of ours wrote; and one is missing.
    await scene.store.insertLedger(
      [at(1, decided()), at(2, requested({ requestId: 'r3' }))],
      'another history',
    )
    await scene.startPipeline()
    await expect.poll(rows).toEqual([
      { i: 0, decision: '' },
      { i: 1, decision: 'approved' },
      { i: 1, decision: 'denied' },
      { i: 2, decision: '' },
      { i: 2, decision: '' },
    ])
    const alarm = scene.log.lines.find(({ message }) => /contradict/.test(message))
    expect(alarm).toMatchObject({ level: 'error' })
  })

  it('ledger writer - what agrees is not written again by the next pipeline', async () => {
    const before = await rows()
    const written: number[] = []
    const { store } = scene
    const second = await scene.startPipeline({
      store: {
        async insertLedger(these, token) {
          written.push(...these.map(({ ledger_index }) => Number(ledger_index)))
          await store.insertLedger(these, token)
        },
      },
    })
    await scene.append(requested({ requestId: 'r4' }))
    await expect.poll(rows).toEqual([...before, { i: 3, decision: '' }])
    expect(written.filter((index) => index < 3)).toEqual([])
    await second.stop()
  })
})
