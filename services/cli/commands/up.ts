import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import { PelletlineError } from '../../shared/errors/pelletline-error.ts'
import type { AddCommand } from '../cli-context.ts'
import { exampleText } from '../example-text.ts'
import { readKeyText } from '../models/read-key-text.ts'
import { collectText, parseInteger, parseName, parseNumber, parseSeconds, parseSeed } from '../parse-option.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))

interface UpOptions {
  readonly plant?: string
  readonly bus: 'memory' | 'kafka'
  readonly database: 'pglite' | 'postgres'
  readonly brokers?: readonly string[]
  readonly postgres?: string
  readonly postgresPasswordFile?: string
  readonly cameras?: string
  readonly intake?: 'apart' | 'together'
  readonly seconds?: number
  readonly lines?: number
  readonly ephemeral?: boolean
  readonly fault?: readonly string[]
  readonly prevalence?: number
  readonly speed?: number
  readonly seed?: number
  readonly calibration?: readonly string[]
  readonly dataDir?: string
  readonly listen?: string
  readonly port?: number
  readonly modelsDir?: string
  readonly trustKey?: readonly string[]
  readonly allowUnsignedModels?: boolean
  readonly startWith?: 'assigned' | 'configured'
  readonly otlpEndpoint?: string
  readonly prometheus?: string
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** `up`: the whole plant, in one process or each service in its own; `npm start` runs it in one. */
export const addUpCommand: AddCommand = (program, context) => {
  program
    .command('up')
    .summary('run a whole plant with simulated lines')
    .description(
      'Runs a plant: simulated lines, gateway, segmentation, student, audit by the teachers, analytics; all in one process ' +
        'with --bus memory, each service in a supervised process of its own with --bus kafka (docs/processes.md). Shows a live table of the lines. Ctrl-C drains and prints the reconciliation of the lots; a second one leaves at once.',
    )
    .addOption(
      new Option('--bus <kind>', 'bus between the services; kafka: an own broker, unless --brokers names others')
        .choices(['memory', 'kafka'])
        .default('memory'),
    )
    .addOption(
      new Option('--database <kind>', 'database of the analytics; postgres: an own server, unless --postgres names one')
        .choices(['pglite', 'postgres'])
        .default('pglite'),
    )
    .option('--plant <name>', 'name of the plant; default: plant-1. Topics of a broker belong to one plant', parseName)
    .option('--brokers <host:port,...>', 'Kafka brokers to use; implies --bus kafka', parseList)
    .option(
      '--postgres <address>',
      'PostgreSQL server to use, postgres://USER@HOST:PORT/DATABASE; implies --database postgres',
    )
    .option('--postgres-password-file <file>', 'file that holds the password of the user of --postgres')
    .option('--cameras <host:port>', 'where the gateway takes other cameras; only with --bus kafka')
    .addOption(
      new Option(
        '--intake <how>',
        'gateway and segmentation in a process each (the default), or in one; only with --bus kafka',
      ).choices(['apart', 'together']),
    )
    .option('--seconds <n>', 'end by itself after so much product; until Ctrl-C where not given', parseSeconds)
    .option('--lines <n>', 'simulated lines', parseInteger({ min: 1, max: 32 }))
    .addOption(new Option('--ephemeral', 'keep nothing on disk').conflicts('dataDir'))
    .option(
      '--fault <name@time>',
      'a fault that begins at this time, e.g. product-darkens@5s; may be repeated',
      collectText,
    )
    .option(
      '--prevalence <share>',
      'share of NG pellets by truth, 0.00001 (10 ppm) to 0.5',
      parseNumber({ min: 0.00001, max: 0.5 }),
    )
    .option(
      '--speed <x>',
      'times real time at which the simulated product runs; 0: as fast as it is taken',
      parseNumber({ min: 0, max: 100 }),
    )
    .option('--seed <n>', 'seed of the simulated product', parseSeed)
    .option(
      '--calibration <line/camera=file>',
      'calibration of a camera that sends to this plant; may be repeated',
      collectText,
    )
    .option('--data-dir <dir>', 'folder of the database; default: .pelletline in the repository')
    .option('--listen <host:port>', 'gRPC endpoint; default: 127.0.0.1:7443')
    .addOption(
      new Option('--port <n>', 'port of the gRPC endpoint on 127.0.0.1; 0 takes a free one')
        .argParser(parseInteger({ min: 0, max: 65_535 }))
        .conflicts('listen'),
    )
    .option(
      '--models-dir <dir>',
      'folder of the released models, or s3://BUCKET/PREFIX with models beside them; default: models in the repository',
    )
    .option(
      '--trust-key <key>',
      'public key whose signed models may be loaded, as a file or as text; may be repeated',
      collectText,
    )
    .option('--allow-unsigned-models', 'models that are neither released nor signed may be loaded')
    .addOption(
      new Option('--start-with <which>', 'student that judges at first: the promoted one, or that of the models folder')
        .choices(['assigned', 'configured'])
        .default('assigned'),
    )
    .option('--otlp-endpoint <url>', 'collector to which spans are sent, e.g. http://127.0.0.1:4318')
    .option('--prometheus <host:port>', 'where Prometheus reads /metrics; :PORT is this machine only')
    .addOption(
      new Option('--log-level <level>', 'least level that is logged').choices([
        'debug',
        'info',
        'warn',
        'error',
        'silent',
      ]),
    )
    .addHelpText(
      'after',
      exampleText([
        'npm start',
        'npm start -- --seconds 20 --lines 2 --json',
        'npm start -- --fault product-darkens@5s --seconds 60',
        'npx pelletline up --bus kafka --database postgres --lines 2',
      ]),
    )
    .action(async (options: UpOptions, command: Command) => {
      const { defaultPlantOptions, runPlant } = await import('../../plant/index.ts')
      const { readTelemetry } = await import('../read-telemetry.ts')
      const { readModelsDir } = await import('../models/read-models-dir.ts')
      const defaults = defaultPlantOptions(root)
      const listen = options.port === undefined ? options.listen : `127.0.0.1:${options.port}`
      context.runsService()
      await runPlant({
        ...defaults,
        plant: options.plant ?? defaults.plant,
        json: context.terminal(command).json,
        ...chooseInfrastructure(options, defaults.intake),
        seconds: options.seconds,
        ephemeral: options.ephemeral === true,
        faults: options.fault ?? [],
        lines: options.lines ?? defaults.lines,
        prevalence: options.prevalence ?? defaults.prevalence,
        speed: options.speed ?? defaults.speed,
        seed: options.seed ?? defaults.seed,
        calibrations: options.calibration ?? [],
        dataDir: options.dataDir ?? defaults.dataDir,
        listen: listen ?? defaults.listen,
        ...readModelsDir(options.modelsDir, defaults),
        trustedKeys: await Promise.all((options.trustKey ?? []).map(readKeyText)),
        allowUnsignedModels: options.allowUnsignedModels === true,
        startWith: options.startWith ?? defaults.startWith,
        telemetry: readTelemetry(options),
        logLevel: options.logLevel ?? defaults.logLevel,
      })
    })
}

/** What the plant stands on; what was named says as well which kind it is. Throws `invalid_argument` for what does not fit. */
function chooseInfrastructure(options: UpOptions, defaultIntake: 'apart' | 'together') {
  const { brokers = [], postgres, postgresPasswordFile, cameras } = options
  const bus = brokers.length > 0 ? 'kafka' : options.bus
  if (cameras !== undefined && bus === 'memory') {
    const text = '--cameras belongs to --bus kafka; in one process cameras connect to the address of --listen.'
    throw new PelletlineError('invalid_argument', text)
  }
  if (options.intake !== undefined && bus === 'memory') {
    const text = '--intake belongs to --bus kafka; in one process gateway and segmentation are together in any case.'
    throw new PelletlineError('invalid_argument', text)
  }
  if (postgresPasswordFile !== undefined && postgres === undefined) {
    const text =
      '--postgres-password-file belongs to --postgres; an own server has a password that nobody needs to know.'
    throw new PelletlineError('invalid_argument', text)
  }
  return {
    bus,
    database: postgres === undefined ? options.database : 'postgres',
    brokers,
    postgres: postgres === undefined ? undefined : { address: postgres, passwordFile: postgresPasswordFile },
    cameras,
    intake: options.intake ?? defaultIntake,
  } as const
}

function parseList(text: string): string[] {
  return text.split(',').map((entry) => entry.trim())
}
