import type { Command } from 'commander'
import type { Terminal } from './terminal.ts'

/** What a command gets beside its own arguments and options. */
export interface CliContext {
  /** The terminal for the run of this command, with the global options in force. */
  terminal(command: Command): Terminal
  /** Aborted by the first SIGINT or SIGTERM; a second one leaves at once. Commands that handle signals themselves do not ask. */
  interrupt(): AbortSignal
  /** Says that the command runs a service from now on, whose work is to be finished when its readers or its terminal go away. */
  runsService(): void
  /** Ends the process with this status although the command returned: what is valid was done, something failed. */
  setExitCode(code: number): void
}

/** Adds one command (or a group) to the program. */
export type AddCommand = (program: Command, context: CliContext) => void
