import { inspect } from '#instrumentation/inspect'

// A process of its own: what it loads is somebody else's, and is patched on the way.
process.send?.(await inspect(process.argv[2] ?? '', process.env), () => process.exit(0))
