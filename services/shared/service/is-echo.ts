/**
 * Time in which a second signal is the same one, ms: who stops a job tells its whole process group, and a launcher in it
 * passes on what it was told. No person presses Ctrl-C twice in that time to mean two things.
 */
const echoMs = 500

/** Whether a signal that comes now is the one that came at `firstMs`, on the clock of `performance.now()`, once more. */
export function isEcho(firstMs: number): boolean {
  return performance.now() - firstMs < echoMs
}
