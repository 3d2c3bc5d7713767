export { checkPolicy, type Finding } from './check.ts'
export { type CompiledPolicy, compilePolicy, loadPolicy } from './compile.ts'
export { type Explanation, explainRuling, type Step } from './explain.ts'
export { parsePolicy } from './parse.ts'
export { modeIn, observesAnywhere, type Policy, type Rule } from './policy.ts'
export {
  type MayReview,
  mayReview,
  type ReviewedRequest,
  type Reviewer,
  type Tally,
  tally,
} from './review.ts'
export { ruleOn } from './rule-on.ts'
export type { Question } from './scope.ts'
export { starterPolicy } from './starter.ts'
