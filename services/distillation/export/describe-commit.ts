import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Commit of the program that runs, with `-dirty` where its working tree differs; `unknown` outside a repository. */
export async function describeCommit(): Promise<string> {
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', ['-C', import.meta.dirname, ...args])).stdout.trim()
  try {
    const commit = await git('rev-parse', 'HEAD')
    const changes = await git('status', '--porcelain', '--untracked-files=no')
    return changes === '' ? commit : `${commit}-dirty`
  } catch {
    return 'unknown'
  }
}
