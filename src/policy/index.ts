export { checkPolicy, type Finding } from './check.ts'
export { type CompiledPolicy, compilePolicy, loadPolicy } from './compile.ts'
export { type Duties, type MayDo, mayDo } from './duties.ts'
export { type Explanation, explainRuling, type Step } from './explain.ts'
export { parsePolicy } from './parse.ts'
export { createPeople, type People } from './people.ts'
export {
  modeIn,
  observesAnywhere,
  POLICY_CHANGE,
  type Policy,
  type Quotas,
  RESERVED_KIND,
  type Rule,
  type Terms,
} from './policy.ts'
export { isParty, type MayReview, mayReview, type ReviewedRequest, type Reviewer } from './review.ts'
export { ruleOn } from './rule-on.ts'
export type { Question } from './scope.ts'
export { starterPolicy } from './starter.ts'
export { type CountedReview, type Tally, tally } from './tally.ts'
export { readYaml, type YamlSource } from './yaml.ts'
