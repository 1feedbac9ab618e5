import { createBoundedQueue } from '../../shared/queue/bounded-queue.ts'

/**
 * Works on up to `limit` + 1 requests of a stream at once and yields their answers in the order of the requests; the bound
 * of the queue is what holds the writer. Where the reading fails, what was taken before is answered first.
 */
export async function* answerInOrder<Request, Answer extends NonNullable<unknown>>(
  requests: AsyncIterable<Request> | Iterable<Request>,
  answer: (request: Request) => Promise<Answer>,
  options: { readonly limit: number; readonly signal: AbortSignal },
): AsyncGenerator<Answer> {
  const answers = createBoundedQueue<{ readonly answer: Promise<Answer> }>({ limit: options.limit })
  let failure: { readonly reason: unknown } | undefined
  const read = async () => {
    try {
      for await (const request of requests) {
        const promise = answer(request)
        // Awaited in order below; an earlier failure must not leave this one unhandled.
        promise.catch(() => {})
        await answers.push({ answer: promise }, options.signal)
      }
    } catch (reason) {
      failure = { reason }
    } finally {
      answers.close()
    }
  }
  const reading = read()
  try {
    for await (const { answer: next } of answers) yield await next
  } finally {
    // What a reader that leaves has not taken is kept for nobody.
    while (answers.tryShift() !== undefined);
  }
  await reading
  if (failure !== undefined) throw failure.reason
}
