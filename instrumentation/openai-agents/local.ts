import type { Gate } from '#gate'
import { inItsRun } from './attempt.ts'
import type { Agent, EditorResult, EditTool, ShellResult, ShellTool, Tool } from './sdk.ts'

/**
 * The model's own tools that the program carries out: its shell and its editor. The SDK gives their guardrails no
 * place, and them no timeout: they are held where they run. What is refused reads as the SDK's own rejection. They
 * are not told which call they are: each is an attempt of its own.
 */
export function guardLocal(tool: Tool, agent: Agent, gate: Gate): Tool {
  if (isShell(tool)) return { ...tool, shell: guardShell(tool, agent, gate) } as Tool
  if (isEditor(tool)) return { ...tool, editor: guardEditor(tool, agent, gate) } as Tool
  return tool
}

const isShell = (tool: Tool): tool is ShellTool => tool.type === 'shell' && 'shell' in tool
const isEditor = (tool: Tool): tool is EditTool => tool.type === 'apply_patch' && 'editor' in tool

function guardShell({ name, shell }: ShellTool, agent: Agent, gate: Gate): ShellTool['shell'] {
  return {
    async run(action): Promise<ShellResult> {
      const attempt = await inItsRun({ kind: 'tool', name, arguments: action }, agent)
      const held = await gate.hold(attempt, (approved) => shell.run(approved))
      if (held.ran) return held.value
      const stderr = held.refusal.message
      return { output: [{ stdout: '', stderr, outcome: { type: 'exit', exitCode: null } }] }
    },
  }
}

function guardEditor({ editor }: EditTool, agent: Agent, gate: Gate): EditTool['editor'] {
  const guarded = (method: keyof EditTool['editor']): EditTool['editor'][typeof method] => {
    return async (operation, context): Promise<EditorResult | undefined> => {
      const { type, path } = operation
      const attempt = await inItsRun({ kind: 'file', name: type, target: path, arguments: operation }, agent)
      const held = await gate.hold(attempt, (approved) =>
        editor[method](approved as typeof operation, context),
      )
      return held.ran ? held.value : { status: 'failed', output: held.refusal.message }
    }
  }
  return {
    createFile: guarded('createFile'),
    updateFile: guarded('updateFile'),
    deleteFile: guarded('deleteFile'),
  }
}
