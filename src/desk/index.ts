export { cardText, visible } from './card-text.ts'
export { connectDesk } from './connect.ts'
export { createDesk, type Desk } from './desk.ts'
