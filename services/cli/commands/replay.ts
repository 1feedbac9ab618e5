import type { AddCommand } from '../cli-context.ts'

export const addReplayCommand: AddCommand = () => {}
