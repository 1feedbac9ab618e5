import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ServedModels } from './served-models.ts'

/** Whether a model takes requests; false for one that is loading. Throws `not_found` for one that is not there. */
export function isModelReady(models: ServedModels, name: string, version: string): boolean {
  try {
    return models.find(name, version).ready()
  } catch (reason) {
    if (PelletlineError.from(reason).code === 'unavailable') return false
    throw reason
  }
}
