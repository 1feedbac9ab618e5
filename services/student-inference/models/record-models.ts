import type { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { metrics } from '../../shared/telemetry/names.ts'
import type { Telemetry } from '../../shared/telemetry/telemetry.ts'
import type { ModelShelf } from './create-model-shelf.ts'

/** Tells telemetry of the models in memory: how many workers each has left, and which loads were refused. */
export interface ModelRecorder {
  refused(error: PelletlineError): void
  /** Lets go of the gauge. */
  release(): void
}

/** Begins to record; `shelf` is asked when somebody reads the metrics, undefined before there is one. */
export function recordModels(telemetry: Telemetry, shelf: () => ModelShelf | undefined): ModelRecorder {
  const refusals = telemetry.counter(metrics.modelsRefused)
  const release = telemetry.gauge(metrics.workers, () => {
    const students = (shelf()?.entries() ?? []).flatMap(({ student }) => student ?? [])
    return students.flatMap(({ model, sessions, workersAtWork }) => {
      const atWork = workersAtWork()
      return [
        { value: atWork, labels: { model: model.id, state: 'at_work' } },
        { value: sessions.workers - atWork, labels: { model: model.id, state: 'given_up' } },
      ]
    })
  })
  return { refused: ({ code }) => refusals.add(1, { code }), release }
}
