#!/usr/bin/env node
import { StylearError } from '../error.ts';
import { program } from './program.ts';

try {
  await program().parseAsync();
} catch (error) {
  console.error(told(error));
  process.exitCode = 1;
}

/** A failure as users are told of it; one that only a programmer understands is thrown on. */
function told(error: unknown): string {
  if (error instanceof StylearError) return `${error.code}: ${error.message}`;
  // What the file system refused where nobody put it into words.
  if (!(error instanceof Error && 'syscall' in error)) throw error;
  const { path, message } = error as NodeJS.ErrnoException;
  return `ERR_INPUT: ${path === undefined ? '' : `${path}: `}${message}`;
}
