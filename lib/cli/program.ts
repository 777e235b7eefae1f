// `stylear <command>`: an entry here per command, a file per command.
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { check } from './check.ts';
import { convertCommand } from './convert.ts';
import { inspectCommand } from './inspect.ts';
import { floatDtype, type VerifyCommandOptions, verifyCommand } from './verify.ts';

type VerifyCommandLine = Omit<VerifyCommandOptions, 'dtype'> & { readonly dtype?: string };

/** The command line. Each command leaves its exit status in `process.exitCode` and throws its errors. */
export function program(): Command {
  const stylear = new Command('stylear')
    .description('style-aware image generation with an autoregressive transformer')
    .version(version());
  stylear
    .command('check')
    .description('compare the devices of this machine with each other')
    .action(exitWith(check));
  stylear
    .command('verify <folder>')
    .description('compare the models with golden values: every fixture at or below a folder')
    .option('--only <name>', 'fixtures of this name or kind')
    .option('--device <name>', 'such as cpu, simt or cuda; the best there is unless told')
    .option('--dtype <dtype>', 'f32 or bf16')
    .option('--threads <count>', 'of the CPU', Number)
    .option('--json', 'print a JSON object per check')
    .action(
      exitWith((folder: string, { dtype, ...options }: VerifyCommandLine) =>
        verifyCommand(folder, { ...options, dtype: floatDtype(dtype) }),
      ),
    );
  stylear
    .command('inspect <file>')
    .description('list the tensors of a checkpoint: dtype, shape and place of each')
    .option('--json', 'print JSON')
    .action(exitWith(inspectCommand));
  stylear
    .command('convert <input> <output>')
    .description('write a checkpoint anew as safetensors, and say what each tensor lost')
    .addOption(
      new Option('--dtype <dtype>', 'of floats; int8 is for the matrices of linear layers')
        .choices(['keep', 'f32', 'bf16', 'int8'])
        .default('keep'),
    )
    .option('--max-shard <gigabytes>', 'of tensors in one file', Number, 5)
    .option('--json', 'print JSON')
    .action(exitWith(convertCommand));
  return stylear;
}

/** An action of commander that sets the exit status which `command` resolves to. */
function exitWith<Args extends unknown[]>(command: (...args: Args) => Promise<number>) {
  return async (...args: Args): Promise<void> => {
    process.exitCode = await command(...args);
  };
}

function version(): string {
  const file = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { readonly version: string }).version;
}
