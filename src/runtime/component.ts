import { HoldpointError } from '#contract'
import type { Log } from './log.ts'

/** Something with a life: `start` resolves when it is of use; `stop` drains and may be called twice. */
export interface Component {
  readonly name: string
  start(): Promise<void>
  stop(): Promise<void>
}

/**
 * Starts in the given order, so name what receives last; stops in reverse.
 * When one cannot start, those already started are stopped and the error names it.
 */
export function composeComponents(
  components: readonly Component[],
  log: Log,
  name = components.map((component) => component.name).join(', '),
): Component {
  const stack = createStack(log)
  let starting: Promise<void> | undefined
  let stopping: Promise<void> | undefined

  async function startAll(): Promise<void> {
    for (const component of components) {
      // Asked to stop while still starting: what is not up yet stays down.
      if (stopping) return
      await stack.start(component)
    }
  }

  return {
    name,
    start() {
      starting = startAll()
      return starting
    },
    stop() {
      const quiet = starting?.catch(() => undefined) ?? Promise.resolve()
      stopping ??= quiet.then(() => stack.stop())
      return stopping
    },
  }
}

/** Components that can only be made once others have started: each is started when it is added. */
export interface Stack {
  /** Starts it. When it cannot start, all that is running is stopped and the error names it. */
  start<C extends Component>(component: C): Promise<C>
  /** In reverse order; may be called twice. */
  stop(): Promise<void>
}

export function createStack(log: Log): Stack {
  const started: Component[] = []
  let stopping: Promise<void> | undefined

  async function stopAll(): Promise<void> {
    for (let component = started.pop(); component !== undefined; component = started.pop()) {
      try {
        await component.stop()
        log.debug('stopped', { component: component.name })
      } catch (error) {
        // One that fails must not keep the others from draining.
        log.error('could not be stopped in order', { component: component.name, error })
      }
    }
  }

  const stack: Stack = {
    async start(component) {
      try {
        await component.start()
      } catch (cause) {
        await stack.stop()
        throw startError(component, cause)
      }
      started.push(component)
      log.debug('started', { component: component.name })
      return component
    },
    stop() {
      stopping ??= stopAll().finally(() => {
        stopping = undefined
      })
      return stopping
    },
  }
  return stack
}

function startError(component: Component, cause: unknown): HoldpointError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const code = cause instanceof HoldpointError ? cause.code : 'UNAVAILABLE'
  return new HoldpointError(code, `${component.name} could not start: ${reason}`, { cause })
}

/** Something that is begun and ended in one go: a gauge that is watched, a listener. `begin` returns its end. */
export function whileRunning(name: string, begin: () => () => void): Component {
  let end = (): void => {}
  return {
    name,
    async start() {
      end = begin()
    },
    async stop() {
      end()
      end = () => {}
    },
  }
}
