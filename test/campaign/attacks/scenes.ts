import { DEVELOPMENT_ISSUER, subjectSpecifier } from '#identity'
import { type Scene as ConsoleScene, startScene as startConsole } from '../../console/scene.ts'
import { type ResourceScene, startResourceScene } from '../../gate/resource-scene.ts'
import { type Scene as GateScene, startScene as startGateScene } from '../../support/gate-scene.ts'
import { type House, POLICY, startHouse, type TestAgent } from '../../support/house.ts'

/** What attacks are made on, each started when the first of them needs it. */
export interface Scenes {
  gate(): Promise<GateScene>
  /** A gate and two replicas of a service that verifies by itself. */
  resource(): Promise<ResourceScene>
  house(): Promise<House>
  console(): Promise<ConsoleScene>
  /** An agent that no other attack has used; Alice's, who reviews nothing, or Bob's. */
  agent(owner?: 'alice' | 'bob'): Promise<TestAgent>
  /** How many have been started, once none of them is still starting. */
  started(): Promise<number>
  stop(): Promise<void>
}

/** More than the house has: who answers in a chat, and what takes more than any sign-in here gives. */
const ATTACKED = `${POLICY.replace(
  'groups:\n',
  `groups:\n  named: [${subjectSpecifier(DEVELOPMENT_ISSUER, 'bob')}]\n`,
)}
  - { id: step, match: { kind: tool, name: "step_*" }, effect: hold, approvals: { from: [sre], assurance: step-up } }
  - { id: named, match: { kind: tool, name: "named_*" }, effect: hold, approvals: { from: [named], assurance: login } }
  - { id: chat, match: { kind: tool, name: "chat_*" }, effect: hold, approvals: { from: [sre], assurance: chat } }
`

export function createScenes(): Scenes {
  let gate: Promise<GateScene> | undefined
  let resource: Promise<ResourceScene> | undefined
  let house: Promise<House> | undefined
  let pages: Promise<ConsoleScene> | undefined
  let agents = 0
  const scenes: Scenes = {
    gate() {
      gate ??= startGateScene()
      return gate
    },
    resource() {
      resource ??= startResourceScene()
      return resource
    },
    house() {
      house ??= startHouse({ policy: ATTACKED })
      return house
    },
    console() {
      pages ??= scenes.house().then((given) => startConsole({ house: given }))
      return pages
    },
    agent: async (owner = 'alice') => (await scenes.house()).agent(`attacked-${++agents}`, { owner }),
    async started() {
      const all = [gate, resource, house, pages].filter((scene) => scene !== undefined)
      await Promise.allSettled(all)
      return all.length
    },
    async stop() {
      await (await gate)?.stop()
      await (await resource)?.stop()
      await (await house)?.stop()
    },
  }
  return scenes
}
