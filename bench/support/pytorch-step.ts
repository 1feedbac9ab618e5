import { join } from 'node:path'
import type { Network } from '../../services/distillation/networks/network.ts'
import { openPythonProcess } from './python-process.ts'

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
  const script = join(import.meta.dirname, 'pytorch_step.py')
  const child = openPythonProcess(python, script, `PyTorch's ${network.name}`)
  const { version, parameters } = (await child.ask({ network, ...options })) as { version: string; parameters: number }
  return {
    version,
    parameters,
    run: async (steps) => {
      await child.ask({ steps })
    },
    close: child.close,
  }
}
