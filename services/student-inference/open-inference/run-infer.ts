import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { startCall } from '../../shared/rpc/call-lifetime.ts'
import { checkInputs, checkOutputs, refuseInput } from './check-input.ts'
import type { InferCall } from './infer-call.ts'
import type { InferOptions, ServedModel, ServedModels } from './served-models.ts'

/** The answer to a request, in the terms that both halves of the protocol share. */
export interface InferAnswer {
  readonly model: ServedModel
  readonly count: number
  /** Elements of the model's output, item after item. */
  readonly elements: Float32Array
}

// A timer holds at most 31 bits of milliseconds; nobody waits for three weeks.
const longestMs = 2 ** 31 - 1

function readTimeout(timeoutUs: number | bigint | undefined): number | undefined {
  if (timeoutUs === undefined) return undefined
  const us = Number(timeoutUs)
  if (!Number.isFinite(us) || us < 0) {
    throw refuseInput('parameters.timeout', `${timeoutUs}; give microseconds, 0 for no limit`)
  }
  return us === 0 ? undefined : Math.min(longestMs, Math.ceil(us / 1000))
}

/**
 * Answers one request: finds the model, checks the request against it and runs it. Rejects with `not_found`,
 * `invalid_argument`, `unavailable` or `resource_exhausted` (both with the wait), `deadline_exceeded` once the timeout of the
 * request has passed, or the reason of the signal; after the last two nothing more of it is computed.
 */
export async function runInfer(models: ServedModels, call: InferCall, options: InferOptions): Promise<InferAnswer> {
  const model = models.find(call.model, call.version)
  checkOutputs(model, call.outputs)
  const timeoutMs = readTimeout(call.timeoutUs)
  const { elements, count } = checkInputs(model, call.inputs)
  if (timeoutMs === undefined) {
    return { model, count, elements: await model.infer(elements, count, options) }
  }
  const lifetime = startCall(`The inference on ${model.name}`, { signal: options.signal, timeoutMs })
  try {
    const inferred = await model.infer(elements, count, { ...options, withinMs: timeoutMs, signal: lifetime.signal })
    return { model, count, elements: inferred }
  } catch (reason) {
    if (lifetime.signal.aborted) throw PelletlineError.from(lifetime.signal.reason)
    throw reason
  } finally {
    lifetime.release()
  }
}
