// `stylear <command>`: an entry here per command, a file per command.
import { readFileSync } from 'node:fs';
import { Argument, Command, Option } from 'commander';
import { type SheetKind, sheetKinds } from '../curate/world/contact_sheet.ts';
import { type SampleKind, sampleKinds } from '../curate/world/samples.ts';
import { numberSchemas } from '../generate/request.ts';
import { type BatchCommandOptions, batchCommand } from './batch.ts';
import { check } from './check.ts';
import { convertCommand } from './convert.ts';
import { curateCommand } from './curate.ts';
import { demoCommand } from './demo.ts';
import { withDrawing, withModel } from './drawing.ts';
import { evaluateCommand } from './evaluate.ts';
import { type GenerateCommandOptions, generateCommand } from './generate.ts';
import { inspectCommand } from './inspect.ts';
import { numberOf } from './number_option.ts';
import { type StyleCommandOptions, styleCommand } from './style.ts';
import { trainCommand } from './train.ts';
import { floatDtype, type VerifyCommandOptions, verifyCommand } from './verify.ts';
import {
  type ReferencesCommandOptions,
  referencesCommand,
  type SamplesCommandOptions,
  type SheetCommandOptions,
  samplesCommand,
  sheetCommand,
} from './world.ts';

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
  const another = (prompt: string, others: readonly string[] = []) => [...others, prompt];
  withDrawing(
    stylear
      .command('demo [pictures...]')
      .description('draw prompts in the styles of pictures, as a grid and a page')
      .option('--prompt <text>', 'what to draw; may be given several times', another)
      .option('-o, --output <folder>', 'for grid.png and index.html', 'stylear-demo')
      .option(
        '--seed <n>',
        'of the first prompt; others draw other pictures',
        numberOf(numberSchemas.seed),
        1,
      ),
  ).action(exitWith(demoCommand));
  withDrawing(
    stylear
      .command('generate')
      .description('draw pictures of a prompt in the style of a picture')
      .requiredOption('--prompt <text>', 'what to draw')
      .requiredOption('-o, --output <file>', '.png, .jpg, .webp or .avif; numbered with --count')
      .option(
        '--style <picture>',
        'the reference, a picture or .style; without one the model is as it is',
      )
      .option('--mix <pictures>', 'several references by weight: a.png:0.7,b.png:0.3')
      .option('--subject <picture>', "the reference's subject cut out, which is not taken over")
      .option('--condition <picture>', 'a depth map or segmentation that guides the layout')
      .option(
        '--count <n>',
        'pictures, with seeds one after another',
        numberOf(numberSchemas.count),
      )
      .option(
        '--seed <n>',
        'the same seed draws the same picture; random unless told',
        numberOf(numberSchemas.seed),
      )
      .option('--size <WxH>', 'pixels; the model chooses unless told')
      .option(
        '--guidance <s>',
        'how much prompt and style are stressed',
        numberOf(numberSchemas.guidance),
      )
      .option('--top-k <n>', 'codes to draw from, 0 for all', numberOf(numberSchemas.imageTopK))
      .option('--top-p <p>', 'in (0, 1]', numberOf(numberSchemas.topP))
      .option('--min-p <p>', 'in [0, 1)', numberOf(numberSchemas.minP))
      .option(
        '--temperature <t>',
        '0 takes the most likely code',
        numberOf(numberSchemas.temperature),
      )
      .option(
        '--noise <g>',
        'on style tokens: keeps things of the reference out; by default less with a condition',
        numberOf(numberSchemas.noiseStrength),
      )
      .option(
        '--style-strength <s>',
        '0 is none, 1 is whole',
        numberOf(numberSchemas.styleStrength),
      )
      .option('--preview', 'write the rows that are final as they come'),
  ).action(exitWith((options: GenerateCommandOptions) => generateCommand(options)));
  withDrawing(
    stylear
      .command('batch <requests>')
      .description('draw the pictures of a .jsonl or .csv, each once whatever interrupts it')
      .requiredOption('-o, --output <place>', 'a folder, or a .tar that is written in shards')
      .addOption(
        new Option('--format <format>', 'of the files')
          .choices(['png', 'jpeg', 'webp', 'avif'])
          .default('png'),
      )
      .option('--shard-mb <megabytes>', 'of one tar file', numberOf(), 1000),
  ).action(
    exitWith((requests: string, options: BatchCommandOptions) => batchCommand(requests, options)),
  );
  withModel(
    stylear
      .command('style <picture>')
      .description('encode a style once, for --style; or a mix of several: a.png:0.7,b.png:0.3')
      .requiredOption('-o, --output <file>', '.style')
      .option('--subject <picture>', "the picture's subject cut out, which is not taken over"),
  ).action(
    exitWith((picture: string, options: StyleCommandOptions) => styleCommand(picture, options)),
  );
  stylear
    .command('verify <folder>')
    .description('compare the models with golden values: every fixture at or below a folder')
    .option('--only <name>', 'fixtures of this name or kind')
    .option('--device <name>', 'such as cpu, simt or cuda; the best there is unless told')
    .option('--dtype <dtype>', 'f32 or bf16')
    .option('--threads <count>', 'of the CPU', numberOf())
    .option('--json', 'print a JSON object per check')
    .action(
      exitWith((folder: string, { dtype, ...options }: VerifyCommandLine) =>
        verifyCommand(folder, { ...options, dtype: floatDtype(dtype) }),
      ),
    );
  stylear
    .command('train <config>')
    .description('train a network as a JSON file says; goes on where it was stopped')
    .option('--device <name>', 'such as cpu or cuda; the best there is unless told')
    .option('--threads <count>', 'of the CPU', numberOf())
    .action(exitWith(trainCommand));
  stylear
    .command('curate <config>')
    .description('make training data as a JSON file says; goes on where it was stopped')
    .option('--device <name>', 'such as cpu or cuda; the best there is unless told')
    .option('--threads <count>', 'of the CPU', numberOf())
    .action(exitWith(curateCommand));
  stylear
    .command('evaluate <config>')
    .description('measure how well models take over styles; goes on where it was stopped')
    .option('--device <name>', 'such as cpu or cuda; the best there is unless told')
    .option('--threads <count>', 'of the CPU', numberOf())
    .action(exitWith(evaluateCommand));
  stylear
    .command('inspect <file>')
    .description('list the tensors of a checkpoint: dtype, shape and place of each')
    .option('--json', 'print JSON')
    .action(exitWith(inspectCommand));
  stylear
    .command('convert <input> <output>')
    .description('write a checkpoint anew as safetensors, and say what each tensor lost')
    .addOption(
      new Option('--dtype <dtype>', 'of floats; int8 is for linear layers and convolutions')
        .choices(['keep', 'f32', 'bf16', 'int8'])
        .default('keep'),
    )
    .option('--max-shard <gigabytes>', 'of tensors in one file', numberOf(), 5)
    .option('--json', 'print JSON')
    .action(exitWith(convertCommand));
  addWorld(stylear.command('world').description('pictures of the picture world'));
  return stylear;
}

function addWorld(world: Command): void {
  world
    .command('sheet')
    .description('write pictures side by side, to look at')
    .addArgument(new Argument('<kind>', 'what it shows').choices(Object.keys(sheetKinds)))
    .requiredOption('-o, --output <file>', '.png, .jpg, .webp or .avif')
    .option('--size <pixels>', 'a side of each picture', numberOf(), 128)
    .option('--seed <n>', 'another seed shows other pictures', numberOf(), 0)
    .option('--captions', 'print what each picture is, a line per row')
    .action(
      exitWith((kind: SheetKind, options: SheetCommandOptions) => sheetCommand(kind, options)),
    );
  world
    .command('samples')
    .description('write captioned pictures for training as shards')
    .addArgument(new Argument('<kind>', 'of pictures').choices(Object.keys(sampleKinds)))
    .requiredOption('-o, --output <stem>', 'such as data/raw, for data/raw.index.json')
    .requiredOption('--count <n>', 'pictures', numberOf())
    .option('--first <n>', 'pictures to leave out before the first one', numberOf(), 0)
    .option('--size <pixels>', 'a side of each picture', numberOf(), 96)
    .action(
      exitWith((kind: SampleKind, options: SamplesCommandOptions) => samplesCommand(kind, options)),
    );
  world
    .command('references')
    .description('write the reference pictures of the embedded model, and the subject of each')
    .requiredOption('-o, --output <folder>', 'for NAME.png and NAME.subject.png')
    .option('--size <pixels>', 'a side of each picture', numberOf(), 192)
    .action(exitWith((options: ReferencesCommandOptions) => referencesCommand(options)));
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
