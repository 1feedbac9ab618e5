import type { Command } from 'commander'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'

/** `health ADDRESS`: for a container's health check, and for a person who wonders. */
export const addHealthCommand: AddCommand = (program, context) => {
  program
    .command('health')
    .description('ask a service whether it takes work (grpc.health.v1); status 0 where it does, 1 where not')
    .argument('<address>', 'where the service listens, HOST:PORT or unix:PATH')
    .option('--service <name>', 'one service by its full name, or liveness; default: the server as a whole')
    .addHelpText('after', exampleText(['npx pelletline health 127.0.0.1:7443']))
    .action(async (address: string, options: { readonly service?: string }, command: Command) => {
      const { checkHealth } = await import('../../shared/rpc/check-health.ts')
      const terminal = context.terminal(command)
      await checkHealth(address, { ...options, signal: context.interrupt() })
      terminal.printJson({ address, service: options.service ?? '', serving: true })
      if (!terminal.json) terminal.print(`${address} serves.`)
    })
}
