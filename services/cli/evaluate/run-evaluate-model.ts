import { evaluateModel } from '../../distillation/index.ts'
import type { EvaluateModelCliOptions } from '../commands/evaluate.ts'
import { marginOfScore } from '../inspect/options.ts'
import { resolveModel } from '../resolve-model.ts'
import type { Terminal } from '../terminal.ts'
import { readCrops } from '../train/read-splits.ts'
import { describeMetrics } from './describe-metrics.ts'

/** Evaluates a model on labelled crops and reports its figures; JSON: one object. */
export async function runEvaluateModel(
  options: EvaluateModelCliOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> {
  const modelPath = await resolveModel(options.model)
  const dataset = await readCrops(options.data, terminal, signal)
  const evaluation = await evaluateModel({
    modelPath,
    dataset,
    signal,
    ...(options.ngScore !== undefined && { threshold: marginOfScore(options.ngScore) }),
    ...(options.smallestSpeck !== undefined && { smallestSpeckPx: options.smallestSpeck }),
  })
  terminal.printJson(evaluation)
  if (terminal.json) return
  terminal.print(
    `${evaluation.model} (${evaluation.architecture}) on ${evaluation.dataSource}; NG is the positive class.`,
  )
  describeMetrics(evaluation, terminal)
  terminal.print(`${evaluation.millisecondsPerCrop.toFixed(3)} ms per crop on ${evaluation.threads} threads.`)
}
