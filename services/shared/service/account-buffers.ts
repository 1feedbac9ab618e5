import { setFlagsFromString } from 'node:v8'

/**
 * Lets V8 count the memory of buffers with that of the heap when it decides whether to collect. By itself it collects the whole
 * heap whenever 64 MB of buffers have come since the last time, dead or alive: with strips of 8 MB that pass through, each copied by HTTP/2 and
 * by the message, about once a strip, which took a third to a half of an intake's processor time. Counted with the heap they are
 * collected as it grows, in proportion to what is alive. To be called once, at the start of the process; it holds for its
 * worker threads too.
 */
export function accountBuffers(): void {
  setFlagsFromString('--external-memory-accounted-in-global-limit')
}
