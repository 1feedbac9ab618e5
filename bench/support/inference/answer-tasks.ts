import process from 'node:process'
import { PelletlineError } from '../../../services/shared/errors/pelletline-error.ts'

/** In a helper process: answers each task of its parent by figures, or by why there are none, and ends with it. */
export function answerTasks<Task, Figures>(work: (task: Task) => Promise<Figures>): void {
  process.once('disconnect', () => process.exit())
  process.on('message', (task: Task) => {
    work(task).then(
      (figures) => process.send!({ figures }),
      (reason) => process.send!({ failure: PelletlineError.from(reason).message }),
    )
  })
}
