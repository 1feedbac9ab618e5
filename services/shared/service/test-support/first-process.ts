import { spawnSync } from 'node:child_process'

/** Arguments of `unshare` with which a program runs as the first process of a namespace, as in a container, and ends with it. */
export const firstProcess = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child'] as const

/** Whether this system lets such a process be made: some sandboxes do not, and what is tested there is less by that. */
export function givesNamespaces(): boolean {
  return spawnSync('unshare', [...firstProcess, 'true']).status === 0
}
