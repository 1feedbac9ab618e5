import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { PelletlineError } from '../../services/shared/errors/pelletline-error.ts'

/** A Python program that answers one JSON object a line by one JSON object a line, in order. */
export interface PythonProcess {
  /** Rejects with `internal`, quoting Python, when it ends or says anything else. */
  ask(question: unknown): Promise<object>
  close(): void
}

/** Starts `script`; `title` names in errors what it does. */
export function openPythonProcess(python: string, script: string, title: string): PythonProcess {
  const child = spawn(python, ['-W', 'ignore', script])
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint = (complaint + text).slice(-2000)
  })
  child.on('error', ({ message }) => {
    complaint += message
  })
  child.stdin.on('error', () => {})
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async ask(question) {
      child.stdin.write(`${JSON.stringify(question)}\n`)
      const { value, done } = await lines.next()
      if (done === true) {
        const last = complaint.trim().split('\n').at(-1)
        throw new PelletlineError('internal', `${title} ended: ${last}`)
      }
      return parseAnswer(value, title)
    },
    close: () => {
      child.stdin.end()
      child.kill()
    },
  }
}

/** One line of the protocol; throws `internal`, quoting a line that is not a JSON object. */
export function parseAnswer(line: string, title: string): object {
  try {
    const answer: unknown = JSON.parse(line)
    if (typeof answer === 'object' && answer !== null && !Array.isArray(answer)) return answer
  } catch {}
  throw new PelletlineError('internal', `${title} answered "${line.slice(0, 200)}"; a JSON object was expected.`)
}
