import { type Scene as GateScene, startScene as startGateScene } from '../../support/gate-scene.ts'
import { type House, startHouse, type TestAgent } from '../../support/house.ts'

/** What attacks are made on, each started when the first of them needs it. */
export interface Scenes {
  gate(): Promise<GateScene>
  house(): Promise<House>
  /** An agent that no other attack has used. */
  agent(): Promise<TestAgent>
  stop(): Promise<void>
}

export function createScenes(): Scenes {
  let gate: Promise<GateScene> | undefined
  let house: Promise<House> | undefined
  let agents = 0
  const scenes: Scenes = {
    gate() {
      gate ??= startGateScene()
      return gate
    },
    house() {
      house ??= startHouse()
      return house
    },
    agent: async () => (await scenes.house()).agent(`attacked-${++agents}`),
    async stop() {
      await (await gate)?.stop()
      await (await house)?.stop()
    },
  }
  return scenes
}
