/**
 * Reads `source` until it ends or the signal aborts; then a pending or later `next` rejects with the signal's reason and
 * the source's iterator is returned. For one reader, once. (A race of promises would hold one reaction per item on the
 * signal for as long as the stream lasts.)
 */
export function abortable<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncIterableIterator<T> {
  const iterator = source[Symbol.asyncIterator]()
  let rejectPending: ((reason: unknown) => void) | undefined
  let ended = false

  const release = () => {
    ended = true
    signal.removeEventListener('abort', onAbort)
  }
  // The source may be amid a wait of its own, so its end is not waited for; its failure while it ends is nobody's news.
  const closeSource = () => {
    void Promise.resolve(iterator.return?.()).catch(() => {})
  }
  const onAbort = () => {
    if (ended) return
    release()
    closeSource()
    rejectPending?.(signal.reason)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()

  return {
    next() {
      if (signal.aborted) return Promise.reject(signal.reason)
      if (ended) return Promise.resolve({ done: true, value: undefined })
      return new Promise((resolve, reject) => {
        rejectPending = reject
        iterator.next().then(
          (result) => {
            rejectPending = undefined
            if (result.done) release()
            resolve(result)
          },
          (reason) => {
            rejectPending = undefined
            release()
            reject(reason)
          },
        )
      })
    },
    async return() {
      if (!ended) {
        release()
        closeSource()
      }
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
