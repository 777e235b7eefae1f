#!/usr/bin/env node
// `stylear <command>`: one line here per command, one file per command.
import { StylearError } from '../error.ts';
import { check } from './check.ts';

interface Command {
  readonly summary: string;
  /** Resolves to the exit status. */
  readonly run: () => Promise<number>;
}

const commands: Readonly<Record<string, Command>> = {
  check: { summary: 'compare the devices of this machine with each other', run: check },
};

const [name = 'help'] = process.argv.slice(2);
const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
if (command) {
  try {
    process.exitCode = await command.run();
  } catch (error) {
    if (!(error instanceof StylearError)) throw error;
    console.error(`${error.code}: ${error.message}`);
    process.exitCode = 1;
  }
} else {
  const asked = ['help', '--help', '-h'].includes(name);
  const lines = Object.entries(commands).map(([key, { summary }]) => `  ${key}  ${summary}`);
  const usage = `Usage: stylear <command>\n\n${lines.join('\n')}`;
  if (asked) console.log(usage);
  else console.error(`stylear: expected a command, got ${name}\n\n${usage}`);
  process.exitCode = asked ? 0 : 1;
}
