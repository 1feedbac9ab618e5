import { Argument } from 'commander'
import { processStarts, type StartService } from '../../plant/processes/service-starts.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'

const services: Readonly<Record<string, () => Promise<StartService>>> = {
  ...processStarts,
  'line-simulator': async () => (await import('../../line-simulator/main.ts')).start,
}

/** `serve SERVICE --config FILE`. */
export const addServeCommand: AddCommand = (program, context) => {
  program
    .command('serve')
    .summary('run one service alone, with its gRPC surface')
    .description(
      'Runs one service alone with its gRPC surface, health and reflection. SIGTERM or Ctrl-C drains it. What the ' +
        'configuration may hold is said where a key or a value is wrong. The line-simulator is a client: it streams a ' +
        'simulated line to a camera gateway, listens nowhere, and ends with its run. The camera-intake is camera-gateway ' +
        'and roi-segmentation in one process, with the configuration of each under its name.',
    )
    .addArgument(new Argument('<service>', 'service to run').choices(Object.keys(services)))
    .requiredOption('--config <file>', 'YAML or JSON configuration of the service')
    .addHelpText('after', exampleText(['npx pelletline serve analytics --config analytics.yaml']))
    .action(async (service: string, options: { config: string }) => {
      const start = await services[service]!()
      context.runsService()
      await start(options.config)
    })
}
