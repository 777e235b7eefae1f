// That whoever uses the package can name what its functions take and give: a type in the declaration of
// an export of lib/index.ts, and in the declaration of such a type in turn, is itself exported there.
// Declarations are those that the build would write, so that private members, bodies and what is marked
// `@internal` are not in them, and what was inferred is.
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

const root = join(import.meta.dirname, '..');
const index = join(root, 'lib/index.ts');
const service = ts.createLanguageService(hostOf(join(root, 'tsconfig.build.json')));

/** Where a type or value is declared, and under which name. */
interface Place {
  readonly file: string;
  readonly name: string;
}
const key = ({ file, name }: Place) => `${relative(root, file)}: ${name}`;

test('every type in a public declaration is exported from lib/index.ts', () => {
  const exported = exportsOf(index);
  expect(exported.length).toBeGreaterThan(200);
  const listed = new Set(exported.map(key));
  const missing = new Map<string, Set<string>>();
  const reached = new Set(listed);
  for (const places = [...exported]; places.length > 0; ) {
    const user = places.shift()!;
    for (const used of usedBy(user)) {
      if (!listed.has(key(used)))
        missing.set(key(used), (missing.get(key(used)) ?? new Set()).add(user.name));
      if (!reached.has(key(used))) places.push(used);
      reached.add(key(used));
    }
  }
  const lines = [...missing].map(([type, users]) => `${type}, in ${[...users].join(', ')}`);
  expect(lines.sort()).toEqual([]);
});

/** What a file of re-exports gives, each where it is declared. */
function exportsOf(file: string): Place[] {
  return sourceOf(file).statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement)) return [];
    const from = fileOf(file, statement.moduleSpecifier)!;
    const names = statement.exportClause as ts.NamedExports;
    return names.elements.map(({ name, propertyName }) => ({
      file: from,
      name: (propertyName ?? name).text,
    }));
  });
}

/** The types of lib/ in the declarations of a name, those behind a `typeof` included. */
function usedBy({ file, name }: Place): Place[] {
  return declarationsOf(file, name).flatMap((declaration) => {
    const used: Place[] = [];
    const visit = (node: ts.Node): void => {
      const named = nameIn(node);
      const place = named && !isParameter(named, node) ? placeOf(file, named) : undefined;
      if (place && ts.isTypeQueryNode(node)) used.push(...usedBy(place));
      else if (place) used.push(place);
      if (ts.isImportTypeNode(node) && node.qualifier) {
        const from = fileOf(file, (node.argument as ts.LiteralTypeNode).literal);
        if (from) used.push({ file: from, name: firstOf(node.qualifier) });
      }
      ts.forEachChild(node, visit);
    };
    visit(declaration);
    return used.filter((place) => key(place) !== key({ file, name }));
  });
}

/** The name by which a node refers to a type, or to the value whose type it is. */
function nameIn(node: ts.Node): string | undefined {
  if (ts.isTypeReferenceNode(node)) return firstOf(node.typeName);
  if (ts.isTypeQueryNode(node) && !ts.isImportTypeNode(node.exprName))
    return firstOf(node.exprName);
  if (ts.isExpressionWithTypeArguments(node) && ts.isIdentifier(node.expression))
    return node.expression.text;
  return undefined;
}

const firstOf = (name: ts.EntityName): string =>
  ts.isIdentifier(name) ? name.text : firstOf(name.left);

/** Whether a name is a type parameter around a node. */
function isParameter(name: string, node: ts.Node): boolean {
  for (let around: ts.Node = node; around; around = around.parent) {
    const { typeParameters = [], typeParameter } = around as {
      typeParameters?: readonly ts.TypeParameterDeclaration[];
      typeParameter?: ts.TypeParameterDeclaration;
    };
    if ([...typeParameters, typeParameter].some((parameter) => parameter?.name.text === name))
      return true;
  }
  return false;
}

/** Where a name in a file is declared; nothing if that is not in lib/. */
function placeOf(file: string, name: string): Place | undefined {
  if (declarationsOf(file, name).length > 0) return { file, name };
  for (const statement of sourceOf(file).statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const from = fileOf(file, statement.moduleSpecifier);
    const names = statement.importClause?.namedBindings;
    if (!from || !names || !ts.isNamedImports(names)) continue;
    const found = names.elements.find((element) => element.name.text === name);
    if (found) return placeOf(from, (found.propertyName ?? found.name).text);
  }
  return undefined;
}

function declarationsOf(file: string, name: string): ts.Node[] {
  return sourceOf(file).statements.flatMap((statement): ts.Node[] => {
    const declarations = ts.isVariableStatement(statement)
      ? [...statement.declarationList.declarations]
      : [statement as ts.Node];
    return declarations.filter(
      (declaration) => (declaration as ts.NamedDeclaration).name?.getText() === name,
    );
  });
}

function fileOf(from: string, specifier: ts.Node | undefined): string | undefined {
  if (!specifier || !ts.isStringLiteral(specifier) || !specifier.text.startsWith('.'))
    return undefined;
  return join(dirname(from), specifier.text);
}

const sources = new Map<string, ts.SourceFile>();

/** The declarations of a file, as the build would write them. */
function sourceOf(file: string): ts.SourceFile {
  const known = sources.get(file);
  if (known) return known;
  const text = service.getEmitOutput(file, true, true).outputFiles[0]!.text;
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  sources.set(file, source);
  return source;
}

function hostOf(config: string): ts.LanguageServiceHost {
  const read = ts.readConfigFile(config, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, root);
  return {
    getCompilationSettings: () => ({ ...options, declarationMap: false }),
    getScriptFileNames: () => [index],
    getScriptVersion: () => '1',
    getScriptSnapshot: (file) => {
      const text = ts.sys.readFile(file);
      return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
    },
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: ts.sys.fileExists,
    readFile: ts.sys.readFile,
  };
}
