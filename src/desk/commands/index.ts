import type { Command } from '#runtime'
import type { DeskAccess } from '../access.ts'
import { list } from './list.ts'
import { approve, cancel, deny } from './review.ts'
import { show } from './show.ts'
import { watch } from './watch.ts'

/** `holdpoint requests …`: the reviewer at a terminal. */
export const requestsCommands = (access: DeskAccess): Command[] =>
  [list, show, watch, approve, deny, cancel].map((command) => command(access))
