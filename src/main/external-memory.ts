import { setFlagsFromString } from 'node:v8'

/** Older ones do not know the flag, and say so on stderr. */
const SINCE_NODE = 26

/**
 * Telemetry lies in buffers, outside V8's heap. As it comes, V8 collects all garbage after every 64 MB of them, however
 * many are in use: half of what a pipeline under load did. Counted with the heap, they may grow by a share first.
 */
export function countBuffersWithHeap(): void {
  if (Number.parseInt(process.versions.node, 10) >= SINCE_NODE)
    setFlagsFromString('--external-memory-accounted-in-global-limit')
}
