import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import ts from 'typescript';
import { afterAll } from 'vitest';

const root = join(import.meta.dirname, '../..');

/**
 * The JavaScript of a file and of what it imports, for a process that is not vitest's: Node 20 runs no
 * TypeScript. Gone after the tests of the file that asks for it.
 *
 * @param file  its path in the repository
 * @returns     the path of the JavaScript
 */
export function compiled(file: string): string {
  const outDir = mkdtempSync(join(tmpdir(), 'stylear-compiled-'));
  afterAll(() => rmSync(outDir, { recursive: true }));
  writeFileSync(join(outDir, 'package.json'), '{"type":"module"}');
  symlinkSync(join(root, 'node_modules'), join(outDir, 'node_modules'));
  const path = join(root, 'tsconfig.json');
  const { config } = ts.readConfigFile(path, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram([join(root, file)], {
    ...options,
    noEmit: false,
    noCheck: true,
    rewriteRelativeImportExtensions: true,
    rootDir: root,
    outDir,
  });
  if (program.emit().emitSkipped) throw new Error(`${file}: expected JavaScript, got none`);
  return join(outDir, relative('.', file)).replace(/\.ts$/, '.js');
}
