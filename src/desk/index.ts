export { cardText, visible } from './card-text.ts'
export { type DeskAccess, requestsCommands } from './command.ts'
export { connectDesk } from './connect.ts'
export { createDesk, type Desk } from './desk.ts'
