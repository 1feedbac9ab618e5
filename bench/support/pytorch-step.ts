import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Network } from '../../services/distillation/networks/network.ts'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'

export interface PytorchStepOptions {
  readonly side: number
  readonly batch: number
  readonly threads: number
  /** PyTorch's layout with the channels innermost, instead of its default. */
  readonly channelsLast: boolean
}

/** A network in PyTorch, in a process of its own. */
export interface PytorchStep {
  readonly version: string
  /** Number of trained numbers. */
  readonly parameters: number
  /** Makes training steps; rejects with `internal`, quoting Python, when it fails. */
  run(steps: number): Promise<void>
  close(): void
}

/** Builds `network` in PyTorch, layer for layer, with its weights, gradients and Adam; rejects with `internal`. */
export async function openPytorchStep(
  python: string,
  network: Network,
  options: PytorchStepOptions,
): Promise<PytorchStep> {
  const child = spawn(python, ['-W', 'ignore', join(import.meta.dirname, 'pytorch_step.py')])
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000)
  })
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async <Answer>(question: unknown): Promise<Answer> => {
    child.stdin.write(`${JSON.stringify(question)}\n`)
    const { value, done } = await lines.next()
    if (done === true) {
      const last = complaint.trim().split('\n').at(-1)
      throw new PelletlineError('internal', `PyTorch ended during ${network.name}: ${last}`)
    }
    return JSON.parse(value) as Answer
  }
  const { version, parameters } = await ask<{ version: string; parameters: number }>({ network, ...options })
  return {
    version,
    parameters,
    run: async (steps) => {
      await ask({ steps })
    },
    close: () => {
      child.stdin.end()
      child.kill()
    },
  }
}
