import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { ModelControl, ServedModels } from './served-models.ts'

/** The changes that callers may make to the models; throws `unimplemented` where they may make none. */
export function takeControl({ control }: ServedModels): ModelControl {
  if (control !== undefined) return control
  const text = 'Models are not loaded or unloaded by callers here; the configuration of the service names the model.'
  throw new PelletlineError('unimplemented', text)
}
