import type { DeskAccess } from '#desk'
import type { Command } from '#runtime'

/** Where the commands of some first words stand. */
export interface CommandRoom {
  words: readonly string[]
  load(): Promise<readonly Command[]>
}

/**
 * Every command of `holdpoint`, in the order in which the help lists them; the rooms export their own. Reading modules
 * is most of a command's time, so a program reads only the rooms of the word that it was asked for.
 */
export const COMMAND_ROOMS: readonly CommandRoom[] = [
  { words: ['up'], load: async () => [(await import('./up.ts')).upCommand] },
  { words: ['broker'], load: async () => [(await import('./broker.ts')).brokerCommand] },
  { words: ['desk'], load: async () => [(await import('./desk.ts')).deskCommand] },
  {
    words: ['pipeline'],
    load: async () => {
      const { pipelineCommand, pipelineDlqCommand } = await import('./pipeline.ts')
      return [pipelineCommand, pipelineDlqCommand]
    },
  },
  { words: ['mcp'], load: async () => (await import('#gateway')).gatewayCommands },
  {
    words: ['init', 'agent', 'directory', 'ledger', 'policy'],
    load: async () => (await import('#broker')).enrolmentCommands,
  },
  {
    words: ['policy'],
    load: async () => [
      ...(await import('#policy/command')).policyCommands,
      (await import('./policy-apply.ts')).policyApplyCommand,
    ],
  },
  { words: ['login', 'logout', 'whoami'], load: async () => (await import('#identity')).identityCommands },
  { words: ['requests'], load: async () => (await import('#desk')).requestsCommands(await deskAccess()) },
  {
    words: ['freeze', 'thaw', 'erase'],
    load: async () => (await import('#desk')).dutyCommands(await deskAccess()),
  },
  {
    words: ['webhooks'],
    load: async () => {
      const { roleCredentials } = await import('./connection.ts')
      return (await import('#channels')).webhookCommands({
        credentials: ({ dataDir, channels }) => roleCredentials('channel', dataDir, channels.credentials),
      })
    },
  },
  { words: ['sql'], load: async () => [(await import('#store')).sqlCommand] },
  { words: ['schema'], load: async () => (await import('#store')).schemaCommands },
  { words: ['seed'], load: async () => [(await import('#seed')).seedCommand] },
  { words: ['doctor'], load: async () => [(await import('./doctor.ts')).doctorCommand] },
]

async function deskAccess(): Promise<DeskAccess> {
  const { readSession } = await import('#identity')
  const { roleCredentials } = await import('./connection.ts')
  return {
    token: readSession,
    credentials: ({ dataDir, nats }) => roleCredentials('desk', dataDir, nats.credentials),
  }
}

/** Those that `word` may begin; all of them where it begins none, for the help and for whoever mistyped. */
export async function commandsFor(word: string | undefined): Promise<Command[]> {
  if (word === '--version') return []
  const named = COMMAND_ROOMS.filter(({ words }) => word !== undefined && words.includes(word))
  const rooms = named.length > 0 ? named : COMMAND_ROOMS
  return (await Promise.all(rooms.map(({ load }) => load()))).flat()
}
