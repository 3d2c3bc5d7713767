import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface NativeEngine {
  /** What the last statement answers; throws what the engine says. */
  run(...statements: string[]): Promise<string>
  stop(): Promise<void>
}

/** The engine without our server before it, under a configuration of the test's own. */
export async function startNativeEngine(parts: {
  config?: string
  roles?: string
  grants?: string
}): Promise<NativeEngine> {
  const dir = await mkdtemp(join(tmpdir(), 'holdpoint-native-'))
  await mkdir(join(dir, 'data'))
  const grants = parts.grants === undefined ? '' : `<grants>${parts.grants}</grants>`
  await writeFile(
    join(dir, 'users.xml'),
    `<clickhouse><profiles><default/></profiles><quotas><default/></quotas>${parts.roles ?? ''}
     <users><default><password></password><networks><ip>::/0</ip></networks><profile>default</profile>
     <quota>default</quota>${grants}</default></users></clickhouse>`,
  )
  await writeFile(
    join(dir, 'config.xml'),
    `<clickhouse><users_config>${join(dir, 'users.xml')}</users_config>${parts.config ?? ''}</clickhouse>`,
  )
  const child = fork(
    join(import.meta.dirname, 'native-child.ts'),
    [join(dir, 'data'), join(dir, 'config.xml')],
    {
      execArgv: [],
    },
  )
  const ended = once(child, 'close')
  let turn: Promise<unknown> = Promise.resolve()
  const ask = async (statements: string[]): Promise<string> => {
    child.send(statements)
    const [answer] = (await once(child, 'message')) as [{ text: string } | { error: string }]
    if ('error' in answer) throw new Error(answer.error)
    return answer.text
  }
  return {
    run(...statements) {
      const answer = turn.then(() => ask(statements))
      turn = answer.catch(() => {})
      return answer
    },
    async stop() {
      // Its data goes with it.
      child.kill('SIGKILL')
      await ended
      await rm(dir, { recursive: true, force: true })
    },
  }
}
