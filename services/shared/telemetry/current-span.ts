import { AsyncLocalStorage } from 'node:async_hooks'
import type { SpanContext } from './span-context.ts'

/** What is being worked on: its span, and the lot where it is known. */
export interface ActiveSpan {
  readonly context: SpanContext
  readonly lot?: string
}

const active = new AsyncLocalStorage<ActiveSpan>()

/** What is being worked on by the code that asks; undefined outside any span. */
export function currentSpan(): ActiveSpan | undefined {
  return active.getStore()
}

/** Runs `work` within a span: what it awaits and what it logs belong to it. */
export function withSpan<T>(span: ActiveSpan, work: () => T): T {
  return active.run(span, work)
}

/** Runs `work` outside any span: what goes on for many is not part of the one that happened to set it going. */
export function withoutSpan<T>(work: () => T): T {
  return active.exit(work)
}

/**
 * Reads `source` within a span. An async generator runs in the context of whoever asks for its next item, so every step is
 * put into the span.
 */
export function iterateWithSpan<T>(span: ActiveSpan, source: AsyncIterable<T>): AsyncIterableIterator<T> {
  const iterator = withSpan(span, () => source[Symbol.asyncIterator]())
  return {
    next: () => withSpan(span, () => iterator.next()),
    async return() {
      await withSpan(span, () => iterator.return?.())
      return { done: true, value: undefined }
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}
