// Compiles assembly/ (AssemblyScript) into src/image/wasm/module.ts. To be run after every change there; needs the registry, since the
// compiler is no dependency: nobody else needs it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const COMPILER = "assemblyscript@0.28.20";
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), "stepwedge-wasm-"));
try {
  const out = join(scratch, "module.wasm");
  const options = ["--enable", "simd", "--runtime", "stub", "--noAssert", "-O3", "--converge", "--outFile", out];
  const [command, ...first] = process.env.ASC?.split(" ") ?? ["npx", "--yes", "--package", COMPILER, "asc"];
  const { status } = spawnSync(command, [...first, join(root, "assembly", "index.ts"), ...options], {
    stdio: "inherit",
  });
  if (status !== 0) process.exit(status ?? 1);
  const source = createHash("sha256");
  for (const file of readdirSync(join(root, "assembly")).sort())
    source.update(readFileSync(join(root, "assembly", file)));
  const text = readFileSync(out).toString("base64");
  writeFileSync(
    join(root, "src", "image", "wasm", "module.ts"),
    `// Written by scripts/build-wasm.mjs from assembly/: do not edit.\n\n/** SHA-256 of the files it was made from, in the order of their names. */\nexport const SOURCE = "${source.digest("hex")}";\n\n/** The WebAssembly module. */\nexport const MODULE =\n  "${text}";\n`,
  );
} finally {
  rmSync(scratch, { recursive: true });
}
