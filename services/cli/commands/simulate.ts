import type { AddCommand } from '../cli-context.ts'

export const addSimulateCommand: AddCommand = () => {}
