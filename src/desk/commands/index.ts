import type { Command } from '#runtime'
import type { DeskAccess } from '../access.ts'
import { list } from './list.ts'
import { approve, deny, withdraw } from './review.ts'
import { show } from './show.ts'

/** `holdpoint requests …`: the reviewer at a terminal. */
export const requestsCommands = (access: DeskAccess): Command[] =>
  [list, show, approve, deny, withdraw].map((command) => command(access))
