import type { Command } from '#runtime'
import type { DeskAccess } from '../access.ts'
import { freeze, thaw } from './freeze.ts'
import { list } from './list.ts'
import { approve, deny } from './review.ts'
import { show } from './show.ts'
import { cancel, erase, revoke } from './take-back.ts'
import { watch } from './watch.ts'

/** `holdpoint requests …`: the reviewer at a terminal. */
export const requestsCommands = (access: DeskAccess): Command[] =>
  [list, show, watch, approve, deny, cancel, revoke].map((command) => command(access))

/** `holdpoint freeze`, `thaw` and `erase`: for those whom policy gives the duty. */
export const dutyCommands = (access: DeskAccess): Command[] =>
  [freeze, thaw, erase].map((command) => command(access))
