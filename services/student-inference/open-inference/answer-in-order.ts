import type { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import { createBoundedQueue } from '../../shared/queue/bounded-queue.ts'
import type { UnreadAnswers } from './unread-answers.ts'

export interface AnswerInOrderOptions<Answer> {
  /** Answers that wait for their reader; one more is being computed. */
  readonly limit: number
  readonly signal: AbortSignal
  /** Counts the answers that wait for their reader, with those of other streams; absent where somebody else bounds them. */
  readonly unread?: { readonly answers: UnreadAnswers; readonly bytesOf: (answer: Answer) => number }
}

/**
 * Works on up to `limit` + 1 requests of a stream at once and yields their answers in the order of the requests; the bound
 * of the queue is what holds the writer. Where the reading fails, what was taken before is answered first. The signal that each
 * answer is given aborts as soon as the stream has ended, whoever ended it, so that nothing is computed for nobody.
 */
export async function* answerInOrder<Request, Answer extends NonNullable<unknown>>(
  requests: AsyncIterable<Request> | Iterable<Request>,
  answer: (request: Request, signal: AbortSignal) => Promise<Answer>,
  { limit, unread, ...options }: AnswerInOrderOptions<Answer>,
): AsyncGenerator<Answer> {
  const ending = new AbortController()
  const signal = AbortSignal.any([options.signal, ending.signal])
  const answers = createBoundedQueue<{ readonly answer: Promise<Answer> }>({ limit })
  let ended: PelletlineError | undefined
  const held = unread?.answers.enter((reason) => {
    ended = reason
    ending.abort(reason)
    // What was computed is kept for nobody, also where the reader never comes for it.
    answers.abort(reason)
  })
  const bytesOf = (value: Answer) => unread?.bytesOf(value) ?? 0
  let failure: { readonly reason: unknown } | undefined

  const answerHeld = async (request: Request) => {
    const value = await answer(request, signal)
    held?.add(bytesOf(value))
    return value
  }
  const read = async () => {
    try {
      for await (const request of requests) {
        // It may come after the stream has failed.
        signal.throwIfAborted()
        const promise = answerHeld(request)
        // Awaited in order below; an earlier failure must not leave this one unhandled.
        promise.catch(() => {})
        await answers.push({ answer: promise }, signal)
      }
    } catch (reason) {
      failure = { reason }
    } finally {
      answers.close()
    }
  }
  const reading = read()
  try {
    for await (const { answer: next } of answers) {
      const value = await next
      yield value
      held?.take(bytesOf(value))
    }
    await reading
    if (failure !== undefined) throw failure.reason
  } catch (reason) {
    throw ended ?? reason
  } finally {
    ending.abort()
    held?.leave()
    // What a reader that leaves has not taken is kept for nobody.
    while (answers.tryShift() !== undefined);
  }
}
