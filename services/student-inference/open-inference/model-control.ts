import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { quote } from './check-input.ts'
import type { ModelControl, ServedModels } from './served-models.ts'

/** The changes that callers may make to the models; throws `unimplemented` where they may make none. */
export function takeControl({ control }: ServedModels): ModelControl {
  if (control !== undefined) return control
  const text = 'Models are not loaded or unloaded by callers here; the configuration of the service names the model.'
  throw new PelletlineError('unimplemented', text)
}

/** Most parameters that a message names. */
const maxNamed = 4

/** Refuses a load that would have another configuration or other files (`config`, `file:...`), which are not looked at; `unimplemented`. */
export function refuseOverrides(parameters: readonly string[]): void {
  if (parameters.length === 0) return
  const more = parameters.length - maxNamed
  const names = `${parameters.slice(0, maxNamed).map(quote).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  const text = `parameters ${names}: a model is loaded as it lies in the store, with nothing instead of what is there; load it without them.`
  throw new PelletlineError('unimplemented', text)
}
