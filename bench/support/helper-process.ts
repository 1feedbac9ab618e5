import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'

/** A program of a folder beside this one in a process of its own, which answers a task by figures, one after the other. */
export interface HelperProcess<Task, Figures> {
  /** Rejects with `internal` where the task fails or the process ends. */
  ask(task: Task): Promise<Figures>
  close(): void
}

/** Starts `script`, its path from this folder. */
export function openHelper<Task extends object, Figures>(
  script: string,
  args: readonly string[] = [],
): HelperProcess<Task, Figures> {
  const child = fork(join(import.meta.dirname, script), args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] })
  let said = ''
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2000)
  })
  const ended = once(child, 'close').then(() => {
    throw new PelletlineError('internal', `${script} ended: ${said.trim().slice(-300)}`)
  })
  ended.catch(() => {})
  return {
    async ask(task) {
      const answer = once(child, 'message') as Promise<[{ figures?: Figures; failure?: string }]>
      child.send(task)
      const [{ figures, failure }] = await Promise.race([answer, ended])
      if (figures === undefined) throw new PelletlineError('internal', failure ?? `${script} gave no figures`)
      return figures
    },
    close: () => {
      child.kill()
    },
  }
}
