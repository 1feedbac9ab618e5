import { spawnSync } from 'node:child_process'

/** Arguments of `unshare` with which a program runs as the first process of a namespace, as in a container, and ends with it. */
export const firstProcess = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child'] as const

/** Why no such process can be made here; false where it can. */
export function namespacesMissing(): string | false {
  const { status } = spawnSync('unshare', [...firstProcess, 'true'])
  return status === 0 ? false : 'this system gives no process namespace'
}
