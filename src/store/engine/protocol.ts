/** What parent and child say to each other over IPC. Passwords travel here: never in arguments or environment. */
export interface StartMessage {
  type: 'start'
  dataDir: string
  port: number
  database: string
  writerPassword: string
  readerPassword: string
}

export type ParentMessage = StartMessage | { type: 'stop' }

export type ChildMessage =
  | { type: 'ready'; version: string }
  | { type: 'failed'; reason: FailureReason; message: string }
  | { type: 'stopped' }

export type FailureReason = 'not-installed' | 'locked' | 'port-taken' | 'other'

export const WRITER = 'holdpoint'
export const READER = 'holdpoint_reader'
