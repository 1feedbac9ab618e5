import { PelletlineError } from '../errors/pelletline-error.ts'

/** Why a service ends that has no worker left of a model which it cannot do without; only a new process has new ones. */
export function noWorkerLeft(model: string, cause?: PelletlineError): PelletlineError {
  const how = cause === undefined ? 'the log says of what' : `at last: ${cause.message}`
  return new PelletlineError(
    'unavailable',
    `The workers of ${model} died again and again (${how}). The process ends; start it again.`,
    { cause },
  )
}
