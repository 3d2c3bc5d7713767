import { freePort } from '#runtime'

/**
 * A port for a server that a test takes down for a while. The system gives none of these to a client: whoever keeps
 * connecting to one of those that it does give may end up connected to itself, and then the server cannot come back.
 */
export const steadyPort = (): Promise<number> => freePort(10_000 + Math.floor(Math.random() * 20_000))
