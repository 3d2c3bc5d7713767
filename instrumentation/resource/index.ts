import { createResource as createGateResource, type Resource, type ResourceConfig } from '#gate'
import { readEnvironment } from '../environment.ts'

export type { Release, Resource, ResourceAction, ResourceConfig, ResourceRefusal, Verified } from '#gate'
export type { GuardOptions } from './guard.ts'

/**
 * A service that runs nothing without a fresh, unspent warrant. Preset: as its environment says, the variables being
 * those that `holdpoint agent add NAME --enforcement resource` prints. Throws one error that names whatever is missing
 * or wrong. It has to be started, and stopped.
 */
export const createResource = (config: ResourceConfig = readEnvironment(process.env)): Resource =>
  createGateResource(config, { now: Date.now })
