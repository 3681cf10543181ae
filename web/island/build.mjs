// Builds the island into static/vendor and records what it was built from; with --check it compares instead.
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "static", "vendor");
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

const sources = ["build.mjs", "package.json", "package-lock.json"];
for (const name of await readdir(join(here, "src"))) sources.push(`src/${name}`);
sources.sort();

const built = await build({
  absWorkingDir: here,
  entryPoints: { "rule-builder": "src/element.jsx" },
  bundle: true,
  write: false,
  outdir: "out",
  format: "iife",
  target: "es2022",
  minify: true,
  charset: "utf8",
  legalComments: "none",
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
  define: { "process.env.NODE_ENV": '"production"' },
});

// The licences of everything that is in the bundle, once each.
async function licenses(inputs) {
  const folders = new Set();
  for (const input of inputs) folders.add(/^(?:.*node_modules\/)(?:@[^/]+\/)?[^/]+/.exec(input)?.[0]);
  folders.delete(undefined);
  const texts = [];
  for (const folder of [...folders].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(here, folder, "package.json")));
    const file = (await readdir(join(here, folder))).find((one) => /^licen[cs]e/i.test(one));
    const text = file ? await readFile(join(here, folder, file), "utf8") : `${license}\n`;
    texts.push(`${name} ${version}\n\n${text.trim()}\n`);
  }
  return texts.join(`\n${"-".repeat(80)}\n\n`);
}

const files = new Map(built.outputFiles.map((file) => [file.path.split("/").pop(), Buffer.from(file.contents)]));
files.set("rule-builder.licenses.txt", Buffer.from(await licenses(Object.keys(built.metafile.inputs))));
const record = [];
for (const [name, bytes] of [...files].sort()) record.push(`${sha256(bytes)}  static/vendor/${name}`);
for (const name of sources) record.push(`${sha256(await readFile(join(here, name)))}  island/${name}`);
files.set("rule-builder.sha256", Buffer.from(`${record.join("\n")}\n`));

if (process.argv.includes("--check")) {
  const stale = [];
  for (const [name, bytes] of files) {
    const committed = await readFile(join(target, name)).catch(() => Buffer.alloc(0));
    if (!committed.equals(bytes)) stale.push(name);
  }
  if (stale.length) {
    console.error(`not what the sources build: ${stale.join(", ")}; run make island`);
    process.exit(1);
  }
  console.log("the committed island is what its sources build");
} else {
  for (const [name, bytes] of files) await writeFile(join(target, name), bytes);
  for (const [name, bytes] of files) console.log(`${name} ${bytes.length}`);
}
