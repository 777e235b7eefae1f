#!/usr/bin/env node
import { StylearError } from '../error.ts';
import { program } from './program.ts';

try {
  await program().parseAsync();
} catch (error) {
  if (!(error instanceof StylearError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
