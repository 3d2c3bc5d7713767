export { type ConsoleConfig, type ConsoleDeps, createConsole } from './console.ts'
